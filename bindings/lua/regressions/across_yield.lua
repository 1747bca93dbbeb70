-- SPDX-License-Identifier: MIT
-- A coroutine keeps a number over a yield; meanwhile somebody else closes the file.
package.path = arg[0]:match "^(.*)regressions/" .. "tests/?.lua;" .. package.path
local descriptor = require "descriptor"

local function write_late(number)
  coroutine.yield()
  descriptor.write(number, "ours")
end

require "regression".run("across_yield", "ours", {
  plain = function(ours, strangers)
    local file = assert(io.open(ours, "w"))
    local writer = coroutine.wrap(function() write_late(descriptor.fileno(file)) end)
    writer()
    file:close()
    local stranger <close> = assert(io.open(strangers, "w"))
    writer()
  end,
  safehandle = function(ours, strangers)
    local file = assert(require "safehandle".open(ours, "w"))
    local writer = coroutine.wrap(function() file:lease(write_late) end)
    writer()
    file:close()
    local stranger <close> = assert(io.open(strangers, "w"))
    writer()
  end,
})
