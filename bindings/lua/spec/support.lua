-- SPDX-License-Identifier: MIT
-- What several specs need.
local assert = require "luassert"

local support = {}
local files = setmetatable({}, {__gc = function(all)
  for _, path in ipairs(all) do os.remove(path) end
end})

-- A file of its own, gone at the end of the program.
function support.temporary(content)
  local path = os.tmpname()
  files[#files + 1] = path
  if content then
    local file <close> = _G.assert(io.open(path, "w"))
    file:write(content)
  end
  return path
end

function support.content(path)
  local file <close> = _G.assert(io.open(path))
  return file:read "a"
end

-- What a program of its own prints, with warnings on; its state has then ended. before: shell commands.
function support.run(code, before)
  local path = os.tmpname()
  local file = _G.assert(io.open(path, "w"))
  file:write(code)
  file:close()
  local program <close> = _G.assert(io.popen(("%s %s -W %s 2>&1"):format(before or "", os.getenv "LUA" or "lua5.4", path)))
  local printed = program:read "a"
  os.remove(path)
  return printed
end

-- The error object that a call throws.
function support.thrown(...)
  local ok, message = pcall(...)
  assert.is_false(ok)
  return message
end

return support
