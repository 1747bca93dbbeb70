-- SPDX-License-Identifier: MIT
local sh = require "safehandle"
local support = require "spec.support"

local close = sh.declare "int close(int fd) fails negative errno"
local open = sh.declare "file open(string path, int flags, u32 mode) errno"

describe("a declared function", function()
  it("takes handles and gives bytes", function()
    local read = sh.declare "isize read(fd in, bytes out[n, return], usize n) fails negative blocking errno"
    local h <close> = sh.open(support.temporary "some text")
    assert.are.same({4, "some", n = 2}, table.pack(read(h, 4)))
    assert.are.same({5, " text"}, {read(h, 100)})
    assert.are.same({0, ""}, {read(h, 100)})
  end)

  it("takes bytes, whose length is implied", function()
    local write = sh["function"] "isize write(fd in, bytes in[n], usize n) fails negative errno"
    local path = support.temporary()
    local h <close> = sh.open(path, "w")
    assert.are.equal(3, write(h, "a\0b"))
    assert.are.equal("a\0b", support.content(path))
  end)

  it("compares lengths that bytes share, and cuts none", function()
    local compare = sh.declare "int memcmp(bytes in[n], bytes in[n], usize n)"
    assert.are.equal(0, compare("same", "same"))
    assert.matches("bad argument #2 .*equally long", support.thrown(compare, "same", "longer"))
    assert.matches("bad argument #2 .*equally long", support.thrown(compare, "", "longer"))
    assert.matches("bad argument #2 .*equally long", support.thrown(compare, "longer", ""))
    local narrow = sh.declare "int memcmp(bytes in[n], bytes in[n], u8 n)"
    local wide = ("x"):rep(256)
    assert.matches("bad argument #1 .*range", support.thrown(narrow, wide, wide))
  end)

  it("gives handles", function()
    local h = open(support.temporary "text", 0, 0)
    assert.are.equal("file", h:kind())
    assert.are.equal("text", h:read "a")
    h:close()
    assert.are.same({nil, "open: No such file or directory", 2, n = 3}, table.pack(open("/nonexistent", 0, 0)))
  end)

  it("gives handles and numbers by their address", function()
    local socket <close> = sh.socket(sh.AF_UNIX, sh.SOCK_DGRAM)
    local get = sh.declare "int getsockopt(socket in, int level, int name, bytes out[n, n], u32 inout n) fails negative errno"
    local result, bytes, length = get(socket, 1, 3, 4) -- SOL_SOCKET, SO_TYPE
    assert.are.equal(0, result)
    assert.are.equal(sh.SOCK_DGRAM, string.unpack("i4", bytes))
    assert.are.equal(4, length)
  end)

  it("refuses what is no open handle of the kind", function()
    local sync = sh.declare "int fsync(file in) fails negative errno"
    local h = sh.open "/dev/null"
    h:close()
    assert.are.equal("SH_E_CLOSED", support.thrown(sync, h).status)
    local event <close> = sh.event()
    local refused = support.thrown(sync, event)
    assert.are.equal("SH_E_KIND", refused.status)
    assert.matches("file", refused.message)
    assert.are.equal("SH_E_ARGUMENT", support.thrown(sync, nil).status)
    assert.matches("handle expected", support.thrown(sync, 7))
    assert.matches("missing", support.thrown(sync))
    assert.matches("no such argument", support.thrown(sync, h, 1))
  end)

  it("swallows a consumed handle", function()
    local close_file = sh.declare "int close(fd consume) fails negative errno"
    local h = sh.open "/dev/null"
    local number = h:lease(function(fd) return fd end)
    assert.are.equal(0, close_file(h))
    assert.is_true(h:is_closed())
    local again <close> = sh.open "/dev/null"
    assert.are.equal(number, again:lease(function(fd) return fd end))
  end)

  it("leaves a consumed handle with its object when it fails", function()
    local refuse = sh.declare "int listen(fd consume, int count) fails negative errno" -- no socket
    local h <close> = sh.open(support.temporary "still here")
    assert.are.equal(88, select(3, refuse(h, 1)))
    assert.are.equal("still here", h:read "a")
  end)

  it("passes structs, numbers in range, strings and booleans", function()
    local divide = sh.declare "i64 labs(long n)"
    assert.are.equal(7, divide(-7))
    local absolute = sh.declare "int abs(int n)"
    assert.has_error(function() absolute(1 << 31) end)
    assert.are.equal((1 << 31) - 1, absolute(-((1 << 31) - 1)))
    local length = sh.declare "usize strlen(string text)"
    assert.are.equal(3, length "abc")
    assert.has_error(function() length "a\0b" end)
    local parse = sh.declare "f64 strtod(string text, pointer end)"
    assert.are.equal(2.5, parse("2.5", nil))
    local host = sh.declare "u32 inet_lnaof({u32 address})"
    assert.are.equal(1, host {address = 0x0100007f})
    assert.are.equal(1, host {0x0100007f})
    assert.has_error(function() host {} end)
  end)

  it("fails with the value itself where that is an errno value", function()
    local join = sh.declare "int pthread_setname_np(usize thread, string name) fails errno"
    local self = sh.declare "usize pthread_self()"
    assert.are.equal(34, select(3, join(self(), ("x"):rep(100))))
  end)

  it("gives handles of a script's kind", function()
    local released = {}
    local number = sh.kind {name = "number", base = "fd", release = function(raw) released[#released + 1] = raw return close(raw) end}
    local make = sh.declare "number dup(fd in) errno"
    local h <close> = sh.open "/dev/null"
    local copy = make(h)
    assert.are.equal("number", copy:kind())
    local raw = copy:lease(function(fd) return fd end)
    copy:close()
    assert.are.same({raw}, released)
    local swallow = sh.declare "int close(number consume) fails negative errno"
    copy = make(h)
    swallow(copy)
    assert.are.same({raw}, released)
    local refuse = sh.declare "int listen(number consume, int count) fails negative errno"
    copy = make(h)
    refuse(copy, 1)
    copy:close()
    assert.are.equal(2, #released)
  end)

  it("is found in a library", function()
    local cosine = sh.declare("f64 cos(f64 x)", "libm.so.6")
    assert.are.equal(1, cosine(0))
    assert.has_error(function() sh.declare("f64 cos(f64 x)", "libnonexistent.so") end)
    assert.has_error(function() sh.declare("f64 no_such_function(f64 x)", "libm.so.6") end)
  end)

  it("points at what is wrong in its text", function()
    local refused = support.thrown(sh.declare, "int f(foo in)")
    assert.are.equal("SH_E_ARGUMENT", refused.status)
    assert.matches("\n%s+%^$", refused.message)
  end)

  it("hands out one kind of a script only", function()
    local function release() end
    sh.kind {name = "this", release = release}
    sh.kind {name = "that", release = release}
    assert.are.equal("SH_E_UNSUPPORTED", support.thrown(sh.declare, "this dup(that out)").status)
    assert.has_no_error(function() sh.declare "this dup(this out, that in)" end)
  end)
end)
