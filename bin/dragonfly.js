#!/usr/bin/env node
require("./start.js").start({ program: "dragonfly" }, "dragonfly.cjs");
