-- SPDX-License-Identifier: MIT
local sh = require "safehandle"
local support = require "spec.support"

describe("making handles", function()
  it("opens files by the modes of io.open", function()
    local path = support.temporary()
    for mode, expected in pairs {r = "old", ["r+"] = "newold", w = "new", ["w+"] = "new", a = "oldnew", ["a+b"] = "oldnew"} do
      local file = assert(io.open(path, "w"))
      file:write(expected == "newold" and "xxxold" or "old")
      file:close()
      local h <close> = assert(sh.open(path, mode))
      if mode ~= "r" then assert(h:write "new") end
      assert.are.equal(expected, support.content(path), mode)
    end
  end)

  it("opens files by numbers", function()
    local path = support.temporary "text"
    local h <close> = assert(sh.open(path, sh.O_RDONLY | sh.O_NONBLOCK))
    assert.are.equal("text", h:read "a")
    local none, message, number = sh.open(path, sh.O_WRONLY | sh.O_CREAT | sh.O_EXCL)
    assert.is_nil(none)
    assert.are.equal(path .. ": File exists", message)
    assert.are.equal(17, number)
  end)

  it("says what the world refuses as io.open does", function()
    local expected = table.pack(io.open "/nonexistent/file")
    assert.are.same(expected, table.pack(sh.open "/nonexistent/file"))
  end)

  it("refuses modes that are none", function()
    for _, mode in ipairs {"", "q", "rw", "r++", "rbx"} do
      assert.has_error(function() sh.open("/dev/null", mode) end)
    end
  end)

  it("makes pipes, sockets and events of their kinds", function()
    local read_end <close>, write_end = sh.pipe()
    local socket <close> = sh.socket(sh.AF_UNIX, sh.SOCK_STREAM)
    local event <close> = sh.event(7)
    assert.are.same({"pipe", "pipe", "socket", "event"},
                    {read_end:kind(), write_end:kind(), socket:kind(), event:kind()})
    assert.are.equal(7, string.unpack("I8", event:read(8)))
    write_end:close()
  end)

  it("wraps what is open already, once", function()
    local read_end <close>, write_end <const> = sh.pipe()
    local number = read_end:lease(function(fd) return fd end)
    local refused = support.thrown(sh.wrap, number)
    assert.are.equal("SH_E_OWNED", refused.status)
    do
      local looker <close> = sh.wrap(number, "pipe", {owned = false})
      write_end:write "x"
      assert.are.equal("x", looker:read(1))
    end
    write_end:write "y"
    assert.are.equal("y", read_end:read(1))
    write_end:close()
  end)

  it("cuts no numbers", function()
    local wide = 1 << 32
    for name, arguments in pairs {open = {"/dev/null", wide}, pipe = {wide}, event = {wide}, socket = {wide + 1, 1}} do
      assert.matches("out of range", support.thrown(sh[name], table.unpack(arguments)), name)
    end
    assert.matches("out of range", support.thrown(sh.open, "/dev/null", "r", wide))
    assert.matches("out of range", support.thrown(sh.event, 0, wide))
    assert.matches("out of range", support.thrown(sh.event, -1))
    assert.matches("out of range", support.thrown(sh.socket, sh.AF_UNIX, wide + 1))
    assert.matches("out of range", support.thrown(sh.socket, sh.AF_UNIX, sh.SOCK_STREAM, wide))
    local event <close> = sh.event((1 << 32) - 1)
    assert.are.equal((1 << 32) - 1, string.unpack("I8", event:read(8)))
  end)

  it("wraps no number that is not open, and cuts none", function()
    for _, number in ipairs {(1 << 32) + 1, -(1 << 32) + 1, math.maxinteger} do
      assert.matches("range of descriptors", support.thrown(sh.wrap, number))
    end
    local h = sh.open "/dev/null"
    local number = h:lease(function(fd) return fd end)
    h:close()
    assert.are.same({nil, "Bad file descriptor", 9, n = 3}, table.pack(sh.wrap(number)))
    assert.are.same({nil, "Bad file descriptor", 9, n = 3}, table.pack(sh.wrap(number, "fd", {owned = false})))
    local kind = sh.kind {name = "wide", release = function() end}
    local wide <close> = sh.wrap(1 << 32, kind)
    assert.are.equal(1 << 32, wide:lease(function(raw) return raw end))
  end)

  it("collects, and tries again, when descriptors have run out", function()
    local printed = support.run([[
      local sh = require "safehandle"
      warn "@off"
      collectgarbage "stop"
      for i = 1, 1000 do
        assert(sh.open "/dev/null")
        assert(sh.pipe())
        assert(sh.event():duplicate())
      end
      print "all of them"
    ]], "ulimit -n 64;")
    assert.are.equal("all of them\n", printed)
  end)
end)

describe("the end of a handle", function()
  it("is close, which may be called again", function()
    local h = sh.open "/dev/null"
    assert.is_false(h:is_closed())
    assert.is_true(h:close())
    assert.is_true(h:is_closed())
    assert.is_true(h:close())
    assert.are.equal("handle (closed)", tostring(h))
    assert.are.equal("closed handle", sh.type(h))
  end)

  it("makes each use an error that says so", function()
    local h = sh.open "/dev/null"
    h:close()
    for _, use in ipairs {"read", "write", "lease", "duplicate", "lines", "seek", "share"} do
      local refused = support.thrown(h[use], h, "l")
      assert.are.equal("SH_E_CLOSED", refused.status, use)
      assert.are.equal("attempt to use a closed handle", refused.message)
    end
    local _, refused = pcall(function() h:read() end)
    assert.matches("^[^\n]*handle_spec.lua:%d+: attempt to use a closed handle$", tostring(refused))
  end)

  it("comes with its scope, also on an error", function()
    local kept
    pcall(function()
      local h <close> = sh.open "/dev/null"
      kept = h
      error "out"
    end)
    assert.is_true(kept:is_closed())
  end)

  it("comes with its collection, and a warning that names its line", function()
    local printed = support.run [[
      local sh = require "safehandle"
      local function number() return sh.open("/dev/null"):lease(function(fd) return fd end) end
      local first = number()
      collectgarbage()
      print(first == number())
    ]]
    assert.matches("true", printed)
    assert.matches("Lua warning: safehandle: a handle of kind file, made at [^\n]*:2, was left open", printed)
  end)

  it("does not come under a user, even with no time to wait", function()
    local h = sh.open "/dev/null"
    h:lease(function(fd)
      assert.are.same({true, "pending"}, {h:close()})
      assert.are.same({true, "pending"}, {h:close(1)})
      local other <close> = sh.open "/dev/null"
      assert.are_not.equal(fd, other:lease(function(number) return number end))
    end)
    assert.are.same({true}, {h:close()})
  end)

  it("is told when it takes longer than the time given", function()
    local h = sh.open "/dev/null"
    local lease <close> = h:lease()
    local none, _, number = h:close(1)
    assert.is_nil(none)
    assert.are.equal(110, number)
    assert.is_true(h:is_closed())
  end)
end)

describe("looking at a handle", function()
  it("tells kinds and types", function()
    local h <close> = sh.open "/dev/null"
    assert.are.equal("handle", sh.type(h))
    assert.is_nil(sh.type(io.stdout))
    assert.is_true(h:is_kind "file")
    assert.is_true(h:is_kind "fd")
    assert.is_false(h:is_kind "socket")
    assert.has_error(function() h:is_kind "nonsense" end)
    assert.matches("^handle %(file %d+%)$", tostring(h))
  end)

  it("duplicates it with an end of its own", function()
    local h = sh.open(support.temporary "abcdef")
    local copy <close> = h:duplicate()
    assert.are.equal("abc", h:read(3))
    h:close()
    assert.are.equal("def", copy:read(10))
  end)
end)
