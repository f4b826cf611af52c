#!/usr/bin/env node
// dfdaemon is `dragonfly daemon`.
import { start } from "./start.js";

await start({ program: "dfdaemon", command: "daemon" });
