#pragma once
// filter=column=op.value,…: which of the records that a listener may see it wants to see. It
// narrows what is sent and guards nothing.
#include "json/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace ayb::realtime {

class Filter {
  public:
    Filter() = default; // admits everything
    // All conditions have to hold: eq, neq, gt, gte, lt, lte and in (values with | between). A
    // comma in parentheses belongs to its value. Throws std::invalid_argument, and says why.
    explicit Filter(std::string_view text);

    // Of a deleted record there may be no more than the key: what it doesn't have is no reason to
    // keep it back.
    bool admits(const json::Object &record, bool deleted) const;
    // Of all conditions, in their order.
    std::vector<std::string> columns() const;
    bool empty() const { return conditions_.empty(); }

  private:
    enum class Operator { eq, neq, gt, gte, lt, lte, in };
    struct Condition {
        std::string column;
        Operator op;
        std::vector<std::string> values; // one, but for in
    };

    static Condition read(std::string_view text);
    static Operator operator_of(std::string_view word);
    static bool holds(const Condition &condition, std::string_view value);

    std::vector<Condition> conditions_;
};

} // namespace ayb::realtime
