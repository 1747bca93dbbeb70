-- SPDX-License-Identifier: MIT
-- What the programs here share. Each does one thing with a file of its own while a stranger's file is opened, and looks
-- where its bytes went. PROGRAM --tries=N --with=plain|safehandle prints one line of JSON.
local regression = {}

local function place()
  local path = os.tmpname()
  return path, function() os.remove(path) end
end

local function content(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

-- ways: plain and safehandle, each a function (ours, strangers) of two paths. Misdirected: the bytes, which are written,
-- are in the stranger's file. Elsewhere than in ours they may not be otherwise.
function regression.run(program, written, ways)
  local options = {tries = 100, with = "plain"}
  for _, argument in ipairs(arg) do
    local name, value = argument:match "^%-%-(%a+)=(.+)$"
    assert(name and options[name], "usage: " .. program .. " --tries=N --with=plain|safehandle")
    options[name] = value
  end
  local try = assert(ways[options.with], "--with is plain or safehandle")
  local ours, remove_ours = place()
  local strangers, remove_strangers = place()
  local misdirected = 0
  for _ = 1, tonumber(options.tries) do
    try(ours, strangers)
    local to_stranger = content(strangers) ~= ""
    assert(content(to_stranger and strangers or ours) == written, "the bytes are in neither file")
    if to_stranger then misdirected = misdirected + 1 end
  end
  remove_ours()
  remove_strangers()
  print(('{"program": "%s", "language": "lua", "with": "%s", "tries": %d, "misdirected": %d}'):format(
    program, options.with, options.tries, misdirected))
end

return regression
