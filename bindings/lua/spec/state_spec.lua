-- SPDX-License-Identifier: MIT
local sh = require "safehandle"
local support = require "spec.support"

describe("the end of a state", function()
  it("closes what is open, the last made first", function()
    local printed = support.run [[
      local sh = require "safehandle"
      local kind = sh.kind {name = "thing", release = function(raw) print("released", raw) end}
      first, second = sh.wrap(1, kind), sh.wrap(2, kind)
    ]]
    assert.matches("released\t2\n.*released\t1\n", printed)
    assert.matches("made at [^\n]*:3, was left open", printed)
  end)

  it("releases what finalizers made then", function()
    local printed = support.run [[
      local sh = require "safehandle"
      local kind = sh.kind {name = "thing", release = function(raw) print("released", raw) end}
      setmetatable({}, {__gc = function() forgotten = sh.wrap(7, kind) end})
    ]]
    assert.matches("released\t7\n", printed)
    assert.matches("the end of the state released 1 forgotten handles", printed)
  end)

  it("is an error for who comes later", function()
    local printed = support.run [[
      early = setmetatable({}, {__gc = function()
        print(pcall(sh.open, "/dev/null"))
        print(h:is_closed(), h:close(), pcall(h.read, h))
      end})
      sh = require "safehandle"
      h = sh.open "/dev/null"
    ]]
    assert.matches("false\t[^\n]*the Lua state is ending", printed)
    assert.not_matches("true\ttrue\ttrue", printed)
  end)

  it("ends declared functions, the last made first", function()
    local printed = support.run [[
      sh = require "safehandle"
      early = setmetatable({}, {__gc = function() print(pcall(absolute, -1)) end})
      absolute = sh.declare "int abs(int n)"
    ]]
    assert.matches("^false\t[^\n]*the Lua state is ending", printed)
  end)

  it("comes by nobody's call", function()
    local h <close> = sh.open "/dev/null"
    assert.is_false(getmetatable(h))
    assert.is_false(getmetatable(h:lease()))
  end)

  it("works when os.exit ends it inside a lease", function()
    local printed = support.run [[
      local sh = require "safehandle"
      local h = sh.open "/dev/null"
      print "before"
      h:lease(function() os.exit(true, true) end)
    ]]
    assert.matches("^before\n", printed)
    assert.not_matches("forgotten", printed)
  end)
end)

describe("events", function()
  it("come as warnings with the next call", function()
    local printed = support.run [[
      local sh = require "safehandle"
      local wait = sh.declare("int sh_wait_for_pending_finalizers(i64 timeout_ms)", "libsafehandle.so.0")
      local r, w = sh.pipe()
      pcall(sh.wrap, r:lease(function(fd) return fd end))
      wait(30000) -- until the event has been delivered
      r:is_kind "pipe"
      w:close()
    ]]
    assert.matches("Lua warning: safehandle: SH_EVENT_DOUBLE_WRAP: The pipe %d+, made at [^\n]*:3,", printed)
  end)
end)

describe("sharing", function()
  it("makes tokens that adopt the same handle, once", function()
    local h = sh.open(support.temporary "abcdef")
    local token = h:share()
    local other = sh.adopt(token)
    assert.are.equal("SH_E_ARGUMENT", support.thrown(sh.adopt, token).status)
    assert.are.equal("abc", h:read(3))
    assert.are.equal("def", other:read(3))
    other:close()
    assert.is_true(h:is_closed())
  end)

  it("keeps the handle open until the last object has died", function()
    local path = support.temporary "text"
    local other = sh.adopt(sh.open(path):share())
    collectgarbage()
    assert.are.equal("text", other:read "a")
    other:close()
  end)

  it("warns of what its last holder forgets, once", function()
    local printed = support.run [[
      local sh = require "safehandle"
      do local other = sh.adopt(sh.open("/dev/null"):share()) end
      collectgarbage()
      print "collected"
      local closed = sh.open "/dev/null"
      sh.adopt(closed:share()):close()
    ]]
    local _, count = printed:gsub("made at [^\n]*:2, was left open", "")
    assert.are.equal(1, count)
    assert.not_matches(":5, was left open", printed)
    assert.matches("left open.*collected", printed)
    for _, code in ipairs {"h = sh.open '/dev/null' t = h:share()", "t = sh.open('/dev/null'):share()"} do
      _, count = support.run("sh = require 'safehandle' " .. code):gsub("was left open", "")
      assert.are.equal(1, count, code)
    end
  end)

  it("gives unused tokens back at the end", function()
    local printed = support.run [[
      local sh = require "safehandle"
      local kept = sh.open("/dev/null"):share()
    ]]
    assert.not_matches("forgotten", printed)
  end)
end)

describe("the README", function()
  it("begins with a program that works", function()
    local text = support.content(os.getenv "README" or "README.md")
    local code = text:match "\n```lua\n(.-)```"
    local directory = os.tmpname()
    os.remove(directory)
    assert(os.execute("mkdir " .. directory))
    finally(function() os.execute("rm -r " .. directory) end)
    local printed = support.run(code, "cd " .. directory .. " &&")
    assert.matches("^first line\nsecond line\ndescriptor\t%d+\nfalse\t[^\n]*attempt to use a closed handle\n$", printed)
    assert.are.equal("first line\nsecond line\n", support.content(directory .. "/log.txt"))
  end)
end)
