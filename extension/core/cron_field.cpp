#include "core/cron_field.hpp"

#include <algorithm>
#include <array>

namespace ayb::core {
namespace {

struct FieldFacts {
    const char *name;
    int low;
    int high;      /* what may be written, and the greatest step */
    int open_high; /* where * and a/n end */
    const char *takes;
};

constexpr int kTooBig = 1000000;

constexpr std::array<FieldFacts, 6> kFacts{{
    {"second", 0, 59, 59, "0 to 59, *, a-b, */n, a-b/n, a/n, and lists of these"},
    {"minute", 0, 59, 59, "0 to 59, *, a-b, */n, a-b/n, a/n, and lists of these"},
    {"hour", 0, 23, 23, "0 to 23, *, a-b, */n, a-b/n, a/n, and lists of these"},
    {"day of month", 1, 31, 31,
     "1 to 31, *, a-b, */n, a-b/n, a/n, L, $, LW, nW, lists of these, or ? alone"},
    {"month", 1, 12, 12, "1 to 12, JAN to DEC, *, a-b, */n, a-b/n, a/n, and lists of these"},
    {"day of week", 0, 7, 6,
     "0 to 7, SUN to SAT, *, a-b (b may be SUN), */n, a-b/n, a/n, nL, n#1 to n#5, lists of these, "
     "or ? alone"},
}};

constexpr std::string_view kMonths = "janfebmaraprmayjunjulaugsepoctnovdec";
constexpr std::string_view kWeekdays = "sunmontuewedthufrisat";

/* Takes one list item at a time from the front of rest_; what it can't place it names. */
class FieldParser {
  public:
    FieldParser(FieldKind kind, std::string_view text)
        : kind_(kind), facts_(kFacts[static_cast<std::size_t>(kind)]), text_(text) {}

    Field parse() {
        if (text_ == "?" && is_day_field()) {
            field_.any = true;
            add(facts_.low, facts_.open_high, 1);
            return field_;
        }
        field_.any = text_.front() == '*';
        for (std::size_t begin = 0; begin <= text_.size();) {
            const std::size_t end = std::min(text_.find(',', begin), text_.size());
            item_ = rest_ = text_.substr(begin, end - begin);
            parse_item();
            begin = end + 1;
        }
        return field_;
    }

  private:
    bool is_day_field() const { return kind_ == FieldKind::day || kind_ == FieldKind::weekday; }

    void parse_item() {
        if (item_.empty())
            fail("has an empty list item");
        if (kind_ == FieldKind::day && take_last_day())
            return;
        int low = facts_.low, high = facts_.open_high;
        if (!take('*')) {
            low = take_value();
            if (is_day_field() && take_suffix(low))
                return;
            high = take_end(low);
        }
        const int step = take('/') ? take_step() : 1;
        expect_end();
        add(low, high, step);
    }

    /* L, $ and LW */
    bool take_last_day() {
        if (item_ == "$" || same_word(item_, "l"))
            return field_.last_day = true;
        if (same_word(item_, "lw"))
            return field_.last_workday = true;
        return false;
    }

    /* nW; nL and n#k. What stands behind the suffix is an error. */
    bool take_suffix(int value) {
        if (kind_ == FieldKind::day) {
            if (!take('w'))
                return false;
            field_.nearest_weekdays |= std::uint32_t{1} << value;
        } else if (take('l')) {
            field_.last_weekdays |= static_cast<std::uint8_t>(1U << value % 7);
        } else if (take('#')) {
            const int nth = take_digits();
            if (nth < 1 || nth > 5)
                fail("counts outside 1 to 5 in");
            field_.nth_weekdays[nth - 1] |= static_cast<std::uint8_t>(1U << value % 7);
        } else {
            return false;
        }
        expect_end();
        return true;
    }

    /* Where a, a-b or a/n ends. 7/n begins beyond its field's end, and so is Sunday alone. */
    int take_end(int low) {
        if (take('-'))
            return take_end_of_range(low);
        const bool open = !rest_.empty() && rest_.front() == '/';
        return open ? std::max(low, facts_.open_high) : low;
    }

    int take_end_of_range(int low) {
        const int high = take_value();
        if (high >= low)
            return high;
        if (kind_ == FieldKind::weekday && high == 0)
            return 7;
        fail("has a range that runs backwards,");
    }

    void expect_end() const {
        if (!rest_.empty())
            fail("has " + quoted(rest_) + " too much in");
    }

    int take_step() {
        const int step = take_digits();
        if (step < 1 || step > facts_.high)
            fail("has a step outside 1 to " + std::to_string(facts_.high) + " in");
        return step;
    }

    /* A number or a name that the field can hold. */
    int take_value() {
        if (!rest_.empty() && !is_digit(rest_.front()))
            return take_name();
        const int value = take_digits();
        if (value < facts_.low || value > facts_.high)
            fail("is out of range with");
        return value;
    }

    int take_digits() {
        if (rest_.empty() || !is_digit(rest_.front()))
            fail("lacks a number in");
        return static_cast<int>(take_number(&rest_, kTooBig));
    }

    int take_name() {
        std::string_view names;
        if (kind_ == FieldKind::month)
            names = kMonths;
        if (kind_ == FieldKind::weekday)
            names = kWeekdays;
        for (std::size_t i = 0; i < names.size(); i += 3)
            if (same_word(rest_.substr(0, 3), names.substr(i, 3))) {
                rest_.remove_prefix(3);
                return facts_.low + static_cast<int>(i / 3);
            }
        fail("can't read");
    }

    bool take(char lower_case) {
        if (rest_.empty() || to_lower(rest_.front()) != lower_case)
            return false;
        rest_.remove_prefix(1);
        return true;
    }

    /* Weekday 7 is Sunday again. */
    void add(int low, int high, int step) {
        for (int value = low; value <= high; value += step)
            field_.values |= std::uint64_t{1}
                             << (kind_ == FieldKind::weekday && value == 7 ? 0 : value);
    }

    [[noreturn]] void fail(const std::string &what) const {
        const std::string in = item_.size() < text_.size() ? " of " + quoted(text_) : "";
        throw cron_error(std::string("The ") + facts_.name + " field " + what + " " +
                         quoted(item_) + in + "; it takes " + facts_.takes + ".");
    }

    const FieldKind kind_;
    const FieldFacts &facts_;
    const std::string_view text_;
    std::string_view item_;
    std::string_view rest_;
    Field field_{};
};

} // namespace

Field parse_field(FieldKind kind, std::string_view text) { return FieldParser(kind, text).parse(); }

} // namespace ayb::core
