#pragma once
// Prometheus' text format.
#include "figures/names.hpp"

#include <map>

namespace ayb::figures {

// name="value", with what has to be escaped in a value.
std::string label(const std::string &name, const std::string &value);
// Labels with a comma between them, where there are any.
std::string both(const std::string &first, const std::string &second);

// Counts in buckets: of what is at most each bound, in seconds, and what is above the last.
struct Buckets {
    std::vector<double> bounds;
    std::vector<unsigned long long> counts; // one more than there are bounds; not cumulative
    double sum;
};

// All samples of a metric stand together, under its HELP and its TYPE.
class Page {
  public:
    // Throws std::out_of_range where names.cpp doesn't have the metric.
    void add(const std::string &metric, const std::string &labels, const std::string &value);
    void add(const std::string &metric, const std::string &labels, const Buckets &buckets);
    // All of the other page.
    void add(const Page &other);
    std::string text() const;

  private:
    std::map<std::string, std::string> lines_; // by metric
};

} // namespace ayb::figures
