-- SPDX-License-Identifier: MIT
-- busted under the interpreter that runs this file: lua5.4 spec/run.lua -o TAP spec
require "busted.runner" {standalone = false}
