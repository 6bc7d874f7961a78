#pragma once
// What jobs wait for: the rows of job_edges, as they are enqueued.
#include <optional>

#include "base/options.hpp"
#include "core/uuid7.hpp"
#include "pg/sql.hpp"

namespace ayb {

// Jobs that were looked up as parents of a new one.
struct Parents {
    Datum ids; // uuid[]
    int count;
    core::Uuid watched; // the highest of those that haven't completed
    bool waits;         // there is one
};

// Looks them up, as jobs that the caller may see: P0002 for one that isn't, under the name of
// `argument`. A job that stands there twice counts once; 22004, 2202E. In the caller's transaction,
// outside the books.
Parents find_parents(Datum ids, const char *argument);

// Makes them the parents of a new job, and has that looked at after the commit: one of them may end
// meanwhile.
void add_parents(const core::Uuid &child, const Parents &parents, OnParentFailure policy);

// Edges between jobs of one flow, which are all new: nobody can end one before the commit.
struct Edges {
    ArrayBuildState *children;
    ArrayBuildState *parents;
    ArrayBuildState *names;
    ArrayBuildState *types;
    ArrayBuildState *policies;
    ArrayBuildState *watched;
    int count;
};
struct Edge {
    core::Uuid child;
    core::Uuid parent;
    const char *name;
    const char *type;
    OnParentFailure policy;
    bool watched;
};
Edges new_edges();
void add_edge(Edges *edges, const Edge &edge);
void write_edges(const Edges &edges);

// A job that waits for all others of a flow, which come later.
void add_star(const core::Uuid &child, const core::Uuid &flow, OnParentFailure policy);

// Makes a new job, enqueued by a running one, a parent of jobs that wait for that one. 55000.
void add_to_children(Datum ids, const core::Uuid &parent, const char *type);

// The row of a flow.
void write_flow(const core::Uuid &id, const char *name, Oid enqueued_by, TimestampTz now,
                Datum steps);

// Whether jobs may be added to the flow: it was made in this transaction, or the job that runs here
// is one of it. P0002, 55000.
void require_open_flow(const core::Uuid &id);

} // namespace ayb
