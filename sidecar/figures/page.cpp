#include "figures/page.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

namespace ayb::figures {

namespace {

const char *word_of(Kind kind) {
    constexpr const char *kWords[] = {"gauge", "counter", "histogram"};
    return kWords[static_cast<int>(kind)];
}

void require(const std::string &metric) {
    const auto &all = all_metrics();
    if (std::none_of(all.begin(), all.end(),
                     [&](const Metric &known) { return known.name == metric; }))
        throw std::out_of_range("no metric " + metric);
}

std::string in_words(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.9g", value);
    return text;
}

void add_line(std::string &lines, const std::string &name, const std::string &labels,
              const std::string &value) {
    lines += name + (labels.empty() ? "" : "{" + labels + "}") + " " + value + "\n";
}

std::string head_of(const Metric &metric) {
    const std::string name = metric.name;
    return "# HELP " + name + " " + metric.help +
           (metric.of == Of::database
                ? " Several sidecars of one database export the same: take max by, not sum."
                : "") +
           "\n# TYPE " + name + " " + word_of(metric.kind) + "\n";
}

} // namespace

std::string label(const std::string &name, const std::string &value) {
    std::string escaped;
    for (const char c : value) {
        if (c == '\\' || c == '"')
            escaped += '\\';
        escaped += c == '\n' ? "\\n" : std::string(1, c);
    }
    return name + "=\"" + escaped + "\"";
}

std::string both(const std::string &first, const std::string &second) {
    return first + (first.empty() || second.empty() ? "" : ",") + second;
}

void Page::add(const std::string &metric, const std::string &labels, const std::string &value) {
    require(metric);
    add_line(lines_[metric], metric, labels, value);
}

void Page::add(const std::string &metric, const std::string &labels, const Buckets &buckets) {
    require(metric);
    std::string &lines = lines_[metric];
    unsigned long long count = 0;
    for (std::size_t i = 0; i < buckets.counts.size(); i++) {
        count += buckets.counts[i];
        const std::string bound =
            i < buckets.bounds.size() ? in_words(buckets.bounds[i]) : std::string("+Inf");
        add_line(lines, metric + "_bucket", both(labels, label("le", bound)),
                 std::to_string(count));
    }
    add_line(lines, metric + "_sum", labels, std::to_string(buckets.sum));
    add_line(lines, metric + "_count", labels, std::to_string(count));
}

void Page::add(const Page &other) {
    for (const auto &[metric, lines] : other.lines_)
        lines_[metric] += lines;
}

std::string Page::text() const {
    std::string out;
    for (const Metric &metric : all_metrics())
        if (const auto lines = lines_.find(metric.name); lines != lines_.end())
            out += head_of(metric) + lines->second;
    return out;
}

} // namespace ayb::figures
