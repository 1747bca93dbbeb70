-- SPDX-License-Identifier: MIT
-- A number outlives its file: nothing reaches the file any more, a collection closes it, and the number is a stranger's.
package.path = arg[0]:match "^(.*)regressions/" .. "tests/?.lua;" .. package.path
local descriptor = require "descriptor"

require "regression".run("fileno_collected", "ours", {
  plain = function(ours, strangers)
    local number = descriptor.fileno(assert(io.open(ours, "w")))
    collectgarbage()
    local stranger <close> = assert(io.open(strangers, "w"))
    descriptor.write(number, "ours")
  end,
  safehandle = function(ours, strangers)
    local lease <close> = assert(require "safehandle".open(ours, "w")):lease()
    collectgarbage()
    local stranger <close> = assert(io.open(strangers, "w"))
    descriptor.write(lease:fileno(), "ours")
  end,
})
