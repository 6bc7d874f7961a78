-- For wrk: prints how many answers had which status, and how many 503s came without Retry-After.
local threads = {}

function setup(thread) table.insert(threads, thread) end

function init()
    statuses = {}
    silent = 0
end

function response(status, headers)
    statuses[status] = (statuses[status] or 0) + 1
    if status == 503 and headers["Retry-After"] == nil then silent = silent + 1 end
end

function done(summary)
    for _, thread in ipairs(threads) do
        for status, count in pairs(thread:get("statuses")) do print("status", status, count) end
        print("silent", thread:get("silent"))
    end
    local errors = summary.errors
    print("errors", errors.connect + errors.read + errors.write + errors.timeout)
end
