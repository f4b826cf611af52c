#!/usr/bin/env node
// dfget is `dragonfly get`.
import { start } from "./start.js";

await start({ program: "dfget", command: "get" });
