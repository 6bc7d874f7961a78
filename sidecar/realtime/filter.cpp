#include "realtime/filter.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

namespace ayb::realtime {

namespace {

constexpr std::size_t kMostConditions = 32;
constexpr std::size_t kMostValues = 256;
constexpr std::string_view kBlanks = " \t";

std::string_view trimmed(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator, bool nested) {
    std::vector<std::string_view> parts;
    std::size_t begin = 0;
    int depth = 0;
    for (std::size_t at = 0; at < text.size(); at++) {
        if (nested && (text[at] == '(' || text[at] == ')'))
            depth += text[at] == '(' ? 1 : -1;
        if (text[at] != separator || depth > 0)
            continue;
        parts.push_back(text.substr(begin, at - begin));
        begin = at + 1;
    }
    parts.push_back(text.substr(begin));
    return parts;
}

template <class Number> std::optional<Number> number(std::string_view text) {
    Number value{};
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size())
        return std::nullopt;
    return value;
}

template <class Value> int sign(const Value &a, const Value &b) {
    return a < b ? -1 : b < a ? 1 : 0;
}

// Whole numbers of 64 bits as such, and others as well as a double can.
std::optional<int> compared_numbers(std::string_view a, std::string_view b) {
    const auto whole_a = number<long long>(a), whole_b = number<long long>(b);
    if (whole_a && whole_b)
        return sign(*whole_a, *whole_b);
    const auto real_a = number<double>(a), real_b = number<double>(b);
    return real_a && real_b ? std::optional<int>(sign(*real_a, *real_b)) : std::nullopt;
}

// The record's value, raw, beside a condition's: less than 0, 0 or more; nothing where the two
// aren't to be compared. What a value stands for is the record's to say; null is nothing but null.
std::optional<int> compared(std::string_view raw, const std::string &wanted) {
    if (raw == "null" || wanted == "null" || raw == "true" || raw == "false")
        return raw == wanted ? std::optional<int>(0) : std::nullopt;
    if (raw.front() == '"')
        return sign(json::unquote(raw), wanted);
    return compared_numbers(raw, wanted);
}

} // namespace

Filter::Filter(std::string_view text) {
    const std::vector<std::string_view> parts = split(text, ',', true);
    if (parts.size() > kMostConditions)
        throw std::invalid_argument("at most 32 conditions are taken");
    conditions_.reserve(parts.size());
    for (const std::string_view part : parts)
        conditions_.push_back(read(trimmed(part)));
}

Filter::Operator Filter::operator_of(std::string_view word) {
    constexpr std::string_view kWords[] = {"eq", "neq", "gt", "gte", "lt", "lte", "in"};
    const auto *found = std::find(std::begin(kWords), std::end(kWords), word);
    if (found == std::end(kWords))
        throw std::invalid_argument("an operator is one of eq, neq, gt, gte, lt, lte, in");
    return static_cast<Operator>(found - std::begin(kWords));
}

Filter::Condition Filter::read(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos)
        throw std::invalid_argument("column=operator.value is wanted");
    const std::string_view column = trimmed(text.substr(0, equals));
    const std::string_view right = trimmed(text.substr(equals + 1));
    const std::size_t dot = right.find('.');
    if (column.empty() || dot == std::string_view::npos)
        throw std::invalid_argument("column=operator.value is wanted");
    Condition condition{std::string(column), operator_of(right.substr(0, dot)), {}};
    const std::string_view value = right.substr(dot + 1);
    if (value.empty())
        throw std::invalid_argument("a value is missing");
    if (condition.op == Operator::in)
        for (const std::string_view one : split(value, '|', false))
            condition.values.emplace_back(one);
    else
        condition.values.emplace_back(value);
    if (condition.values.size() > kMostValues)
        throw std::invalid_argument("at most 256 values are taken");
    return condition;
}

bool Filter::holds(const Condition &condition, std::string_view value) {
    if (condition.op == Operator::in)
        return std::any_of(condition.values.begin(), condition.values.end(),
                           [&](const std::string &one) { return compared(value, one) == 0; });
    const auto order = compared(value, condition.values.front());
    if (condition.op == Operator::eq || condition.op == Operator::neq)
        return (order == 0) == (condition.op == Operator::eq);
    if (!order || value == "null" || value == "true" || value == "false")
        return false;
    const bool less = condition.op == Operator::lt || condition.op == Operator::lte;
    const bool also_equal = condition.op == Operator::lte || condition.op == Operator::gte;
    return *order == 0 ? also_equal : (*order < 0) == less;
}

bool Filter::admits(const json::Object &record, bool deleted) const {
    return std::all_of(conditions_.begin(), conditions_.end(), [&](const Condition &condition) {
        const auto value = record.raw(condition.column);
        return value ? holds(condition, *value) : deleted;
    });
}

std::vector<std::string> Filter::columns() const {
    std::vector<std::string> all;
    all.reserve(conditions_.size());
    for (const Condition &condition : conditions_)
        all.push_back(condition.column);
    return all;
}

} // namespace ayb::realtime
