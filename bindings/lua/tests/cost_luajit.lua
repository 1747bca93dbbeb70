-- SPDX-License-Identifier: MIT
-- One round of what people use in LuaJIT; cost.lua runs it.
package.path = (arg[0]:match "^.*/" or "./") .. "?.lua;" .. package.path
local measure = require "measure"
local ffi = require "ffi"
ffi.cdef "int abs(int); int fcntl(int, int, ...); intptr_t read(int, void *, size_t); int open(const char *, int, ...);"
local C = ffi.C
local zero = C.open("/dev/zero", 0)
local buffer = ffi.new "char[1]"

local bodies = {
  {"abs(-1): LuaJIT's ffi", function(n) for _ = 1, n do C.abs(-1) end end},
  {"fcntl(fd, F_GETFD): LuaJIT's ffi", function(n) for _ = 1, n do C.fcntl(zero, 1) end end},
  {"read of 1 byte: LuaJIT's ffi, with ffi.string", function(n)
    for _ = 1, n do
      C.read(zero, buffer, 1)
      ffi.string(buffer, 1)
    end
  end},
}

local has_fcntl, fcntl = pcall(require, "posix.fcntl")
local has_unistd, unistd = pcall(require, "posix.unistd")
if has_fcntl and has_unistd then
  bodies[#bodies + 1] = {"fcntl(fd, F_GETFD): luaposix in LuaJIT", function(n)
    for _ = 1, n do fcntl.fcntl(zero, fcntl.F_GETFD) end
  end}
  bodies[#bodies + 1] = {"read of 1 byte: luaposix in LuaJIT", function(n) for _ = 1, n do unistd.read(zero, 1) end end}
else
  print "luaposix is not installed for LuaJIT (lua-posix)"
end

for _, body in ipairs(bodies) do
  measure.nanoseconds(body[2])
  print(("%s\t%.2f"):format(body[1], measure.nanoseconds(body[2])))
end
