-- SPDX-License-Identifier: MIT
local sh = require "safehandle"
local support = require "spec.support"

describe("reading", function()
  it("takes what there is, up to a count", function()
    local read_end <close>, write_end = sh.pipe()
    write_end:write "hello"
    assert.are.equal("he", read_end:read(2))
    assert.are.equal("llo", read_end:read(100))
    write_end:close()
    assert.is_nil(read_end:read(1))
    assert.is_nil(read_end:read(0))
  end)

  it("takes lines and all as io does", function()
    local text = "one\n\ntwo\nlast without end"
    local path = support.temporary(text)
    for _, formats in ipairs {{"l", "L", "l", "l", "l"}, {"*l", "a", "a"}, {0, 1, "l", "a"}, {"a", 0}, {"L", "L", "L", "L", "L"}} do
      local plain <close> = assert(io.open(path))
      local h <close> = assert(sh.open(path))
      assert.are.same(table.pack(plain:read(table.unpack(formats))), table.pack(h:read(table.unpack(formats))))
    end
  end)

  it("goes through lines", function()
    local long = ("x"):rep(10000)
    local h <close> = sh.open(support.temporary("a\n" .. long .. "\nb"))
    local lines = {}
    for line in h:lines() do lines[#lines + 1] = line end
    assert.are.same({"a", long, "b"}, lines)
    h:seek "set"
    local pieces = {}
    for piece in h:lines(4000) do pieces[#pieces + 1] = #piece end
    assert.are.same({4000, 4000, 2004}, pieces)
  end)

  it("survives finalizers that use the handle it reads", function()
    local printed = support.run(([[
      local sh = require "safehandle"
      local h <close> = sh.open %q
      for _ = 1, 5 do
        h:seek "set"
        for _ in h:lines() do
          setmetatable({}, {__gc = function() pcall(h.seek, h, "cur") end})
        end
      end
      print "alive"
    ]]):format(support.temporary((("a"):rep(1500) .. "\n"):rep(1000))))
    assert.are.equal("alive\n", printed)
  end)

  it("keeps a line's beginning when the rest is not there yet", function()
    local read_end <close>, write_end = sh.pipe(sh.O_NONBLOCK)
    write_end:write "be"
    local none, _, number = read_end:read "l"
    assert.is_nil(none)
    assert.are.equal(11, number)
    write_end:write "gin\nnext"
    assert.are.equal("begin", read_end:read "l")
    assert.are.equal("ne", read_end:read(2))
    write_end:close()
    assert.are.equal("xt", read_end:read "a")
  end)

  it("refuses formats that are none, and kinds that are no descriptors", function()
    local h <close> = sh.open "/dev/null"
    assert.has_error(function() h:read "x" end)
    assert.has_error(function() h:read(-1) end)
    local kind = sh.kind {name = "no_descriptor", release = function() end}
    local other <close> = sh.wrap(5, kind)
    assert.are.equal("SH_E_KIND", support.thrown(other.read, other, 1).status)
    assert.are.equal("SH_E_KIND", support.thrown(other.write, other, "x").status)
  end)

  it("knows where it is after reading ahead", function()
    local h <close> = sh.open(support.temporary "one\ntwo\n")
    h:read "l"
    assert.are.equal(4, h:seek())
    assert.are.equal("two", h:read "l")
    assert.are.equal(0, h:seek("set", 0))
    assert.are.equal(8, h:seek "end")
    local read_end <close>, write_end <const> = sh.pipe()
    assert.are.equal(29, select(3, read_end:seek()))
    write_end:close()
  end)
end)

describe("writing", function()
  it("takes several values, and answers the handle and a count", function()
    local path = support.temporary()
    local h <close> = sh.open(path, "w")
    local same, count = h:write("a", 1, 2.5, "\0")
    assert.are.equal(h, same)
    assert.are.equal(6, count)
    assert.are.equal("a12.5\0", support.content(path))
  end)

  it("goes to where the reader stands, as io does", function()
    local path = support.temporary "one\ntwo\nthree\n"
    local h <close> = sh.open(path, "r+")
    assert.are.equal("one", h:read "l")
    h:write("TW", "O")
    assert.are.equal("one\nTWO\nthree\n", support.content(path))
    assert.are.same({"", "three"}, {h:read("l", "l")})
  end)

  it("keeps what was read ahead of what cannot be sought", function()
    local pair = sh.declare "int socketpair(int family, int type, int protocol, i64 out both) fails negative errno"
    local _, both = pair(sh.AF_UNIX, sh.SOCK_STREAM, 0)
    local numbers = {string.unpack("i4i4", string.pack("i8", both))}
    local one <close> = sh.wrap(numbers[1], "socket")
    local other <close> = sh.wrap(numbers[2], "socket")
    other:write "one\ntwo\n"
    assert.are.equal("one", one:read "l")
    one:write "x"
    assert.are.equal("x", other:read(1))
    assert.are.equal("two", one:read "l")
  end)

  it("is told of a closed reader, and goes on living", function()
    local read_end, write_end <close> = sh.pipe()
    read_end:close()
    local none, message, number, count = write_end:write "x"
    assert.is_nil(none)
    assert.are.equal("Broken pipe", message)
    assert.are.equal(32, number)
    assert.are.equal(0, count)
  end)

  it("tells how much went before a refusal", function()
    local read_end <close>, write_end <const> = sh.pipe(sh.O_NONBLOCK)
    local none, _, number, count = write_end:write(("x"):rep(1 << 20))
    assert.is_nil(none)
    assert.are.equal(11, number)
    assert.are.equal(count, #read_end:read(1 << 20))
    write_end:close()
  end)
end)
