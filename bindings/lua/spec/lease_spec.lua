-- SPDX-License-Identifier: MIT
local sh = require "safehandle"
local support = require "spec.support"

-- Whether the number leads to what it led to at first: the file that is open there, or nothing.
local function file_at(fd)
  local link <close> = assert(io.popen("readlink /proc/" .. sh.open("/proc/self/stat"):read(100):match "%d+" .. "/fd/" .. fd))
  return link:read "l"
end

describe("a lease on a function", function()
  it("lends the descriptor and answers what the function does", function()
    local h <close> = sh.open "/dev/null"
    assert.are.same({"number", 2, nil, "x", n = 4}, table.pack(h:lease(function(fd)
      return math.type(fd) == "integer" and "number", 2, nil, "x"
    end)))
    assert.are.equal(0, select("#", h:lease(function() end)))
  end)

  it("ends with an error, which it hands on", function()
    local h = sh.open "/dev/null"
    local thrown = {}
    assert.are.equal(thrown, support.thrown(h.lease, h, function() error(thrown) end))
    assert.are.same({true}, {h:close()})
  end)

  it("lasts over a yield", function()
    local path = support.temporary()
    local h = sh.open(path, "w")
    local thread = coroutine.wrap(function()
      return h:lease(function(fd)
        coroutine.yield(fd)
        return "done", file_at(fd)
      end)
    end)
    thread()
    assert.are.same({true, "pending"}, {h:close()})
    local stranger <close> = sh.open "/dev/null"
    assert.are.same({"done", path}, {thread()})
    assert.are.same({true}, {h:close()})
  end)

  it("ends with an error after a yield", function()
    local h = sh.open "/dev/null"
    local thread = coroutine.create(function()
      h:lease(function() coroutine.yield() error "late" end)
    end)
    coroutine.resume(thread)
    coroutine.resume(thread)
    assert.are.same({true}, {h:close()})
  end)

  it("ends when its coroutine is closed", function()
    local h = sh.open "/dev/null"
    local thread = coroutine.create(function() h:lease(coroutine.yield) end)
    coroutine.resume(thread)
    assert.are.same({true, "pending"}, {h:close()})
    coroutine.close(thread)
    assert.are.same({true}, {h:close()})
  end)

  it("ends when its coroutine is collected", function()
    local h = sh.open "/dev/null"
    local thread = coroutine.create(function() h:lease(coroutine.yield) end)
    coroutine.resume(thread)
    thread = nil
    collectgarbage()
    assert.are.same({true}, {h:close()})
  end)
end)

describe("a lease as a value", function()
  it("ends with its scope", function()
    local h = sh.open "/dev/null"
    local kept
    do
      local lease <close> = h:lease()
      kept = lease
      assert.matches("^lease %(%d+%)$", tostring(lease))
      assert.are.equal(h:lease(function(fd) return fd end), lease:fileno())
      assert.are.same({true, "pending"}, {h:close()})
    end
    assert.are.same({true}, {h:close()})
    assert.are.equal("SH_E_CLOSED", support.thrown(kept.fileno, kept).status)
    assert.are.equal("lease (ended)", tostring(kept))
  end)

  it("keeps the handle, and ends with its collection", function()
    local path = support.temporary "kept"
    local lease = sh.open(path):lease()
    collectgarbage()
    assert.are.equal(path, file_at(lease:fileno()))
    local number = lease:fileno()
    lease = nil
    collectgarbage()
    collectgarbage()
    assert.are_not.equal(path, file_at(number))
  end)
end)
