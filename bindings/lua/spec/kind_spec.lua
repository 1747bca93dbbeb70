-- SPDX-License-Identifier: MIT
local sh = require "safehandle"
local support = require "spec.support"

describe("a kind of a script", function()
  local released
  local thing = sh.kind {name = "thing", invalid = 0, release = function(raw) released[#released + 1] = raw end,
                         duplicate = function(raw) return raw + 100 end}
  before_each(function() released = {} end)

  it("is released by its function, once, before close returns", function()
    local h = sh.wrap(7, thing)
    assert.are.equal("thing", h:kind())
    assert.are.equal("kind (thing)", tostring(thing))
    assert.is_true(h:close())
    assert.are.same({7}, released)
    assert.is_true(h:close())
    assert.are.same({7}, released)
  end)

  it("has values that are none", function()
    assert.are.equal("SH_E_INVALID", support.thrown(sh.wrap, 0, "thing").status)
  end)

  it("is duplicated by its function", function()
    local h = sh.wrap(8, thing)
    local copy = h:duplicate()
    h:close()
    copy:close()
    assert.are.same({8, 108}, released)
  end)

  it("is released by the last user", function()
    local h = sh.wrap(9, thing)
    do
      local lease <close> = h:lease()
      assert.are.same({true, "pending"}, {h:close()})
      assert.are.same({}, released)
    end
    assert.are.same({9}, released)
  end)

  it("is released when its object is collected", function()
    sh.wrap(10, thing)
    collectgarbage()
    assert.are.same({10}, released)
  end)

  it("is not released where it is only looked at", function()
    sh.wrap(11, thing, {owned = false}):close()
    assert.are.same({}, released)
  end)

  it("may close others in its release", function()
    local inner = sh.wrap(12, thing)
    local outer = sh.kind {name = "outer", release = function() inner:close() end}
    sh.wrap(1, outer):close()
    assert.are.same({12}, released)
  end)

  it("stays in its state", function()
    local h <close> = sh.wrap(13, thing)
    assert.are.equal("SH_E_UNSUPPORTED", support.thrown(h.share, h).status)
  end)

  it("may be derived from the library's, with no function of its own", function()
    local log = sh.kind {name = "log", base = "file"}
    local path = support.temporary "text"
    local number = sh.declare "int open(string path, int flags)"(path, 0)
    local h <close> = sh.wrap(number, log)
    local copy <close> = h:duplicate()
    assert.are.equal("log", copy:kind())
    assert.is_true(copy:is_kind "file")
    assert.are.equal("text", copy:read "a")
  end)

  it("duplicates as its base does when it says nothing else", function()
    local close = sh.declare "int close(int fd) fails negative errno"
    local closed = 0
    local counted = sh.kind {name = "counted", base = "fd", release = function(raw) closed = closed + 1 return close(raw) end}
    local number = sh.declare "int open(string path, int flags)"("/dev/null", 0)
    local h = sh.wrap(number, counted)
    local copy = h:duplicate()
    h:close()
    assert.are.equal("", copy:read "a")
    copy:close()
    assert.are.equal(2, closed)
  end)

  it("answers what its duplicate answers", function()
    local refusing = sh.kind {name = "refusing", release = function() end, duplicate = function() return nil, "no more", 24 end}
    local h <close> = sh.wrap(1, refusing)
    assert.are.same({nil, "no more", 24, n = 3}, table.pack(h:duplicate()))
    local raising = sh.kind {name = "raising", release = function() end, duplicate = function() error("ouch", 0) end}
    local other <close> = sh.wrap(1, raising)
    assert.are.equal("ouch", support.thrown(other.duplicate, other))
    local neither = sh.kind {name = "neither", release = function() end}
    local third <close> = sh.wrap(1, neither)
    assert.are.equal("SH_E_UNSUPPORTED", support.thrown(third.duplicate, third).status)
  end)

  it("needs a name of its own, and functions", function()
    local function release() end
    assert.has_error(function() sh.kind {name = "thing", release = release} end)
    assert.has_error(function() sh.kind {release = release} end)
    assert.has_error(function() sh.kind {name = "lonely"} end)
    assert.has_error(function() sh.kind {name = "lonely", release = 7} end)
    assert.has_error(function() sh.kind {name = "lonely", release = release, duplicate = 7} end)
    assert.has_error(function() sh.kind {name = "lonely", release = release, invalid = "x"} end)
    assert.has_error(function() sh.kind {name = "lonely", release = release, base = "nonsense"} end)
  end)
end)

describe("a release that fails", function()
  it("is told by close", function()
    local printed = support.run [[
      local sh = require "safehandle"
      local kind = sh.kind {name = "stubborn", release = function() return nil, "no", 5 end}
      print(sh.wrap(3, kind):close())
    ]]
    assert.matches("nil%s+the handle was closed, but its release failed", printed)
  end)

  it("is an event, with the line that made the handle", function()
    local printed = support.run [[
      local sh = require "safehandle"
      local kind = sh.kind {name = "stubborn", release = function() error "no" end}
      print(sh.wrap(3, kind):close())
      sh.declare("int sh_wait_for_pending_finalizers(i64 timeout_ms)", "libsafehandle.so.0")(30000)
      sh.open "/dev/null"
    ]]
    assert.matches("the release function of kind stubborn raised an error: [^\n]*no", printed)
    assert.matches("SH_EVENT_RELEASE_FAILED: The stubborn 3, made at [^\n]*:3,", printed)
  end)
end)
