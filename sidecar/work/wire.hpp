#pragma once
// What the database is told and asked, as text.
#include "db/connection.hpp"
#include "work/job.hpp"

#include <chrono>
#include <vector>

namespace ayb::work {

// An interval.
std::string interval_of(std::chrono::milliseconds time);

// {"id","attempt"} and what of the report belongs to it, as complete_many() and fail_many() take
// it.
std::string json_of(const Report &report);

// Of the rows of claim_sql().
extern const char *const kClaimSql; // of worker, types, how many, lease
Job job_of(const db::Result &rows, int row);

// Where the database refused what this reports, another report that it may take; nothing where
// there is none. A result may be no JSON for it, or have characters that its encoding lacks.
std::optional<Report> otherwise(Report report, const db::Error &error);

// Whether the same, tried again a moment later, may go well.
bool passes(const db::Error &error);

} // namespace ayb::work
