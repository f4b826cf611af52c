#!/usr/bin/env node
// dfdaemon is `dragonfly daemon`.
require("./start.js").start({ program: "dfdaemon", command: "daemon" }, "dragonfly.cjs");
