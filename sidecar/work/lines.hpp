#pragma once
// What a program that stays is told and says, a line a job.
#include "work/outcome.hpp"

namespace ayb::work {

// Longer than any answer that can be stored.
inline constexpr std::size_t kLongestLine = kLongestOutput + 64 * 1024;

// {"id","type","attempt",…,"payload"}, and a line break.
std::string line_of(const Job &job);

// What {"id","result"} or {"id","error","retry_in","final"} says of the job; nothing where it is no
// answer to it.
std::optional<Report> answer_of(const Job &job, std::string_view line);

// The program ended while it had the job.
Report died(const Job &job, const Ending &ending);

// It said what it wasn't asked.
Report misspoke(const Job &job, std::string_view line);

} // namespace ayb::work
