-- SPDX-License-Identifier: MIT
-- The second close closes a third party's file, which then writes into the stranger's.
package.path = arg[0]:match "^(.*)regressions/" .. "tests/?.lua;" .. package.path
local descriptor = require "descriptor"

local function write_by_third_party(close_again, ours, strangers)
  local third = descriptor.open(ours) -- gets the number that has just become free
  close_again()
  local stranger <close> = assert(io.open(strangers, "w"))
  descriptor.write(third, "of the third party")
  descriptor.close(third)
end

require "regression".run("double_close", "of the third party", {
  plain = function(ours, strangers)
    local number = descriptor.open(ours)
    descriptor.close(number)
    write_by_third_party(function() descriptor.close(number) end, ours, strangers)
  end,
  safehandle = function(ours, strangers)
    local file = assert(require "safehandle".open(ours, "w"))
    file:close()
    write_by_third_party(function() file:close() end, ours, strangers)
  end,
})
