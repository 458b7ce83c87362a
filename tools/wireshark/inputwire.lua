-- Wireshark dissector for inputwire: both wires, from the tables of docs/PROTOCOL.md (2.1, 3.3 to 3.9, 3.12).
--
--   wireshark -X lua_script:tools/wireshark/inputwire.lua CAPTURE
--
-- Or copy it into the folder of personal Lua plugins (Help, About, Folders). It looks at UDP ports 26700 (compact) and 26701
-- (classic), as `inputwire pcap` writes them; for other ports use "Decode As".
--
-- How long tags and inputs are is told by a hello. Without one in the capture, the preferences say it.

local inputwire = Proto("inputwire", "Player inputs over inputwire")

local COMPACT_PORT, CLASSIC_PORT = 26700, 26701

inputwire.prefs.tag = Pref.uint("Size of an input tag", 2, "In bytes, 2, 4 or 8, until a hello tells it")
inputwire.prefs.input_len = Pref.uint("Length of an input", 1, "In bytes, until a hello tells it")

local KINDS = {
    [0x01] = "INPUT", [0x02] = "PING", [0x03] = "PONG", [0x04] = "KEEPALIVE",
    [0x10] = "VALIDATION_PING", [0x11] = "VALIDATION_PONG", [0x12] = "INPUT_REQUEST", [0x13] = "INPUT_RESPONSE",
    [0x20] = "hello", [0x21] = "bye", [0x22] = "checksums", [0x23] = "word",
    [0x05] = "game message", [0x06] = "game message", [0x07] = "game message", [0x14] = "game message",
    [0x7b] = "game message", [0x5b] = "game message",
}

-- Every field: its kind and its name in words. The abbreviations are those of `inputwire decode`.
local FIELDS = {
    ["type"] = { "uint8", "Type" },
    ["tag"] = { "bytes", "Tag" },
    ["bytes"] = { "bytes", "Bytes that are none of the protocol's" },
    ["kind"] = { "string", "Kind of datagram" },
    ["input.timed"] = { "uint8", "Whether a timing block is present" },
    ["input.epoch"] = { "uint8", "Epoch modulo 4" },
    ["input.short_count"] = { "uint8", "Number of inputs; 15: in the count byte" },
    ["input.end"] = { "uint8", "Frame after the newest input, modulo 256" },
    ["input.ack"] = { "uint8", "Next frame expected, modulo 256" },
    ["input.count"] = { "uint8", "Number of inputs less 15" },
    ["input.body"] = { "bytes", "Inputs" },
    ["input.step"] = { "string", "Input, as a step from the one before" },
    ["timing.stamp"] = { "uint16", "Clock of the sender in 250 us" },
    ["timing.echo"] = { "uint16", "Newest stamp of the receiver, plus how long it was held; 0: none" },
    ["timing.sent"] = { "uint16", "Input datagrams sent, modulo 65536" },
    ["timing.lost"] = { "uint8", "Datagrams of the receiver lost lately, in 256ths" },
    ["timing.lead"] = { "string", "How far the sender is ahead, in quarters of a frame" },
    ["hello.version"] = { "uint8", "Version of the wire" },
    ["hello.sender"] = { "uint16", "Player number of the sender" },
    ["hello.receiver"] = { "uint16", "Player number of the receiver" },
    ["hello.input_len"] = { "uint8", "Length of an input in bytes" },
    ["hello.window"] = { "uint8", "Window in frames" },
    ["hello.tag_size"] = { "uint8", "Size of the sender's input tags in bytes" },
    ["hello.flags"] = { "uint8", "Flags" },
    ["hello.playing"] = { "uint8", "Whether the sender takes inputs from the named run" },
    ["hello.asks"] = { "uint8", "Whether the receiver is asked for a hello" },
    ["hello.frame_interval"] = { "uint32", "Frame interval in microseconds" },
    ["hello.ping_interval"] = { "uint16", "Ping interval in milliseconds" },
    ["hello.first_frame"] = { "uint32", "First frame of an epoch" },
    ["hello.epoch"] = { "uint32", "Epoch of the sender" },
    ["hello.incarnation"] = { "bytes", "Incarnation of the sender" },
    ["hello.number"] = { "uint32", "Number of this hello" },
    ["hello.named"] = { "bytes", "Incarnation of the receiver as the sender knows it; 0: unknown" },
    ["hello.answered"] = { "uint32", "Number of the last hello received from the named run; 0: none" },
    ["bye.incarnation"] = { "bytes", "Incarnation of the receiver" },
    ["bye.epoch"] = { "uint32", "Epoch of the sender" },
    ["bye.send_next"] = { "uint32", "Frame after the sender's last input" },
    ["checksums.ack"] = { "uint32", "Frame after the receiver's newest checksum; 0: none" },
    ["checksums.frame"] = { "uint32", "Frame" },
    ["checksums.hash"] = { "bytes", "Hash of the game's state" },
    ["word.flags"] = { "uint8", "Flags" },
    ["word.have"] = { "uint8", "Whether the sender agrees with the receiver" },
    ["word.reply"] = { "uint8", "Whether a word is asked for" },
    ["word.inputs"] = { "uint8", "Whether inputs follow" },
    ["word.players"] = { "uint8", "Number of players in the set" },
    ["word.stays"] = { "uint8", "Number of players that stay" },
    ["word.player"] = { "uint16", "Player" },
    ["word.source"] = { "uint16", "Bits 32 to 47 of its run" },
    ["word.end"] = { "uint32", "Frame after the newest input known of it" },
    ["word.stay"] = { "uint16", "Player that stays" },
    ["word.index"] = { "uint8", "Which of the players the inputs are of" },
    ["word.count"] = { "uint8", "Number of inputs" },
    ["word.base"] = { "uint32", "Frame of the first input" },
    ["word.body"] = { "bytes", "Inputs" },
    ["word.step"] = { "string", "Input, as a step from the one before" },
    ["classic.player"] = { "uint16", "Player number of the sender" },
    ["classic.current_frame"] = { "uint32", "Current frame" },
    ["classic.count"] = { "uint16", "Number of inputs" },
    ["classic.flags"] = { "uint8", "Flags" },
    ["classic.frame"] = { "uint32", "Frame" },
    ["classic.action"] = { "uint8", "Action" },
    ["ping.millis"] = { "double", "Clock of the sender of the ping in milliseconds" },
    ["request.first"] = { "uint32", "First missing frame" },
    ["request.last"] = { "uint32", "Last missing frame" },
}

local fields = {}
for name, kind in pairs(FIELDS) do
    fields[name] = ProtoField[kind[1]]("inputwire." .. name, kind[2])
end
inputwire.fields = fields

local malformed = ProtoExpert.new(
    "inputwire.malformed", "Cut short, or with bytes that belong to no field", expert.group.MALFORMED, expert.severity.WARN)
inputwire.experts = { malformed }

-- What hellos tell: of a pair of addresses now, and of each packet, since packets are looked at again in any order.
local links, links_of_packets = {}, {}

function inputwire.init()
    links, links_of_packets = {}, {}
end

local function link_of(pinfo)
    if links_of_packets[pinfo.number] then
        return links_of_packets[pinfo.number]
    end
    local ends = { tostring(pinfo.src) .. ":" .. pinfo.src_port, tostring(pinfo.dst) .. ":" .. pinfo.dst_port }
    table.sort(ends)
    local pair = ends[1] .. " " .. ends[2]
    local link = links[pair] or { tag = inputwire.prefs.tag, input_len = inputwire.prefs.input_len, pair = pair }
    links_of_packets[pinfo.number] = link
    return link
end

-- Reads fields one after the other. `take` fails by an error with this value, which `dissector` catches.
local SHORT = {}
local Reader = {}
Reader.__index = Reader

function Reader:take(len)
    if self.at + len > self.buffer:len() then
        error(SHORT)
    end
    local range = self.buffer(self.at, len)
    self.at = self.at + len
    return range
end

function Reader:number(name, len)
    local range = self:take(len)
    self.tree:add(fields[name], range)
    return range:uint()
end

function Reader:bytes(name, len)
    self.tree:add(fields[name], self:take(len))
end

-- A part of the byte that was taken last.
function Reader:bits(name, value)
    self.tree:add(fields[name], self.buffer(self.at - 1, 1), value)
end

function Reader:rest()
    return self.buffer:len() - self.at
end

-- A stream of bits, the lowest of each byte first, that goes on with zeros (3.4).
local function bit_stream(range)
    local at = 0
    return function(width)
        local value = 0
        for place = 0, width - 1 do
            local byte = math.floor(at / 8)
            local set = range and byte < range:len() and bit.band(bit.rshift(range(byte, 1):uint(), at % 8), 1) or 0
            value = value + set * 2 ^ place
            at = at + 1
        end
        return math.floor(value)
    end
end

local function step(take)
    if take(1) == 0 then
        return "="
    elseif take(1) == 0 then
        return string.format("^%d", take(3))
    elseif take(1) == 0 then
        local d = take(4)
        return d < 8 and string.format("-%d", 8 - d) or string.format("+%d", d - 7)
    end
    return string.format("%02x", take(8))
end

local function input(take, len)
    if len == 1 then
        return step(take)
    elseif take(1) == 0 then
        return "="
    end
    local sparse, parts = take(1) == 0, {}
    for i = 1, len do
        parts[i] = sparse and step(take) or string.format("%02x", take(8))
    end
    return table.concat(parts, " ")
end

local function body(reader, whole, each, count, input_len)
    local range = reader:rest() > 0 and reader:take(reader:rest()) or nil
    if range then
        reader.tree:add(fields[whole], range)
    end
    local take = bit_stream(range)
    for _ = 1, count do
        local value = input(take, input_len)
        if range then
            reader.tree:add(fields[each], range, value)
        else
            reader.tree:add(fields[each], value)
        end
    end
end

local function input_datagram(reader, link)
    local first = reader:number("type", 1)
    local timed = bit.band(first, 0x40) ~= 0
    reader:bits("input.timed", timed and 1 or 0)
    reader:bits("input.epoch", bit.band(bit.rshift(first, 4), 3))
    reader:bits("input.short_count", bit.band(first, 15))
    reader:number("input.end", 1)
    reader:number("input.ack", 1)
    reader:bytes("tag", link.tag)
    local count = bit.band(first, 15)
    if count == 15 then
        count = count + reader:number("input.count", 1)
    end
    if timed then
        reader:number("timing.stamp", 2)
        reader:number("timing.echo", 2)
        reader:number("timing.sent", 2)
        reader:number("timing.lost", 1)
        local range = reader:take(1)
        local lead = range:int()
        reader.tree:add(fields["timing.lead"], range, lead == -128 and "unknown" or tostring(lead))
    end
    body(reader, "input.body", "input.step", count, link.input_len)
    return string.format("%d inputs", count)
end

local function hello(reader, link)
    reader:number("type", 1)
    reader:bytes("tag", reader.buffer:len() == 56 and 8 or 2)
    reader:number("hello.version", 1)
    local sender = reader:number("hello.sender", 2)
    local receiver = reader:number("hello.receiver", 2)
    local input_len = reader:number("hello.input_len", 1)
    reader:number("hello.window", 1)
    local tag = reader:number("hello.tag_size", 1)
    local flags = reader:number("hello.flags", 1)
    reader:bits("hello.playing", bit.band(flags, 1))
    reader:bits("hello.asks", bit.band(bit.rshift(flags, 1), 1))
    reader:number("hello.frame_interval", 4)
    reader:number("hello.ping_interval", 2)
    reader:number("hello.first_frame", 4)
    local epoch = reader:number("hello.epoch", 4)
    reader:bytes("hello.incarnation", 8)
    reader:number("hello.number", 4)
    reader:bytes("hello.named", 8)
    reader:number("hello.answered", 4)
    if input_len > 0 and (tag == 2 or tag == 4 or tag == 8) then
        links[link.pair] = { tag = tag, input_len = input_len, pair = link.pair }
    end
    return string.format("player %d to %d, epoch %d", sender, receiver, epoch)
end

local function bye(reader)
    reader:number("type", 1)
    reader:bytes("tag", reader.buffer:len() == 25 and 8 or 2)
    reader:bytes("bye.incarnation", 8)
    reader:number("bye.epoch", 4)
    return string.format("last frame before %d", reader:number("bye.send_next", 4))
end

local function checksums(reader, link)
    reader:number("type", 1)
    reader:bytes("tag", link.tag)
    reader:number("checksums.ack", 4)
    while reader:rest() > 0 do
        reader:number("checksums.frame", 4)
        reader:bytes("checksums.hash", 8)
    end
end

-- The size of the tag follows from the numbers of players, if there are no inputs.
local function word_fits(buffer, tag)
    if buffer:len() < 4 + tag then
        return false
    end
    local flags, players, stays = buffer(1 + tag, 1):uint(), buffer(2 + tag, 1):uint(), buffer(3 + tag, 1):uint()
    if flags > 7 or players > 63 or stays > 63 or players == 0 and flags + stays > 0 then
        return false
    end
    local last = 4 + tag + 8 * players + 2 * stays
    return bit.band(flags, 4) == 0 and last == buffer:len() or bit.band(flags, 4) ~= 0 and last + 6 <= buffer:len()
end

local function word(reader, link)
    reader:number("type", 1)
    reader:bytes("tag", not word_fits(reader.buffer, 2) and word_fits(reader.buffer, 8) and 8 or 2)
    local flags = reader:number("word.flags", 1)
    reader:bits("word.have", bit.band(flags, 1))
    reader:bits("word.reply", bit.band(bit.rshift(flags, 1), 1))
    reader:bits("word.inputs", bit.band(bit.rshift(flags, 2), 1))
    local players = reader:number("word.players", 1)
    local stays = reader:number("word.stays", 1)
    for _ = 1, players do
        reader:number("word.player", 2)
        reader:number("word.source", 2)
        reader:number("word.end", 4)
    end
    for _ = 1, stays do
        reader:number("word.stay", 2)
    end
    if bit.band(flags, 4) ~= 0 then
        reader:number("word.index", 1)
        local count = reader:number("word.count", 1)
        reader:number("word.base", 4)
        body(reader, "word.body", "word.step", count, link.input_len)
    end
    return string.format("%d players left, %d stay", players, stays)
end

local function classic(reader, kind)
    reader:number("type", 1)
    local count = 0
    if kind == "PING" or kind == "PONG" or kind == "VALIDATION_PING" or kind == "VALIDATION_PONG" then
        reader:bytes("ping.millis", 8)
    elseif kind == "INPUT_REQUEST" then
        reader:number("request.first", 4)
        reader:number("request.last", 4)
    elseif kind == "INPUT" then
        reader:number("classic.player", 2)
        reader:number("classic.current_frame", 4)
        count = reader:number("classic.count", 1)
        reader:number("classic.flags", 1)
    elseif kind == "INPUT_RESPONSE" then
        reader:number("classic.player", 2)
        count = reader:number("classic.count", 2)
    end
    for _ = 1, count do
        reader:number("classic.frame", 4)
        reader:number("classic.action", 1)
    end
    return count > 0 and string.format("%d inputs", count) or nil
end

function inputwire.dissector(buffer, pinfo, tree)
    if buffer:len() == 0 then
        return 0
    end
    local first = buffer(0, 1):uint()
    local kind = first >= 0x80 and "input datagram" or KINDS[first] or "unknown type"
    pinfo.cols.protocol = "inputwire"
    local subtree = tree:add(inputwire, buffer(), "inputwire: " .. kind)
    subtree:add(fields.kind, buffer(0, 1), kind)
    local reader = setmetatable({ buffer = buffer, at = 0, tree = subtree }, Reader)
    local link = link_of(pinfo)
    local whole, result = pcall(function()
        if first >= 0x80 then
            return input_datagram(reader, link)
        elseif kind == "hello" then
            return hello(reader, link)
        elseif kind == "bye" then
            return bye(reader)
        elseif kind == "checksums" then
            return checksums(reader, link)
        elseif kind == "word" then
            return word(reader, link)
        elseif kind == "game message" or kind == "unknown type" then
            return reader:bytes("bytes", reader:rest())
        end
        return classic(reader, kind)
    end)
    if not whole and result ~= SHORT then
        error(result)
    end
    if not whole or reader:rest() > 0 then
        subtree:add_proto_expert_info(malformed)
    end
    pinfo.cols.info = whole and result and kind .. ", " .. result or kind
    return buffer:len()
end

local ports = DissectorTable.get("udp.port")
ports:add(COMPACT_PORT, inputwire)
ports:add(CLASSIC_PORT, inputwire)
