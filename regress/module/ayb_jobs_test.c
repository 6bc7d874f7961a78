/*
 * Functions that end the backend which runs them, as a bug in a handler's C code would; and one that starts a
 * second scheduler. Preloaded behind ayb_jobs, it also holds processes up between two steps of theirs for as long
 * as a file is there.
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "access/twophase.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"

PG_MODULE_MAGIC;

/* What a worker reads before it raises a floor. */
#define LOOK "SELECT q.run_at, q.id FROM ayb_jobs.job_queue"

/* What a scheduler reads while it counts. */
#define COUNT "SELECT q.run_as::oid, q.state, count(*) FROM ayb_jobs.job_queue"

static ExecutorEnd_hook_type previous_end;

void		_PG_init(void);
void		pause_at(const char *point);

PG_FUNCTION_INFO_V1(ayb_jobs_test_crash);
PG_FUNCTION_INFO_V1(ayb_jobs_test_exit);
PG_FUNCTION_INFO_V1(ayb_jobs_test_leave_slowly);
PG_FUNCTION_INFO_V1(ayb_jobs_test_start_scheduler);
PG_FUNCTION_INFO_V1(ayb_jobs_test_commit_prepared);
PG_FUNCTION_INFO_V1(ayb_jobs_test_pause);

Datum
ayb_jobs_test_crash(PG_FUNCTION_ARGS)
{
	Jsonb	   *payload = PG_GETARG_JSONB_P(0);
	const struct rlimit no_core = {0, 0};
	int			signo = SIGSEGV;

	if (JB_ROOT_IS_OBJECT(payload))
	{
		JsonbValue	found;
		JsonbValue *value = getKeyJsonValueFromContainer(&payload->root, "signal", 6, &found);

		if (value != NULL && value->type == jbvString && value->val.string.len == 5 &&
			memcmp(value->val.string.val, "abort", 5) == 0)
			signo = SIGABRT;
	}

	/* A core file of each crash would fill the disk in a test of twenty rounds. */
	setrlimit(RLIMIT_CORE, &no_core);
	signal(signo, SIG_DFL);
	raise(signo);
	PG_RETURN_VOID();			/* not reached */
}

Datum
ayb_jobs_test_exit(PG_FUNCTION_ARGS)
{
	_exit(1);
	PG_RETURN_VOID();			/* not reached */
}

static void
dally(int code, Datum argument)
{
	pg_usleep(100000L);
}

/* An ordinary end of the session, which takes its time after it has left shared memory. */
Datum
ayb_jobs_test_leave_slowly(PG_FUNCTION_ARGS)
{
	on_proc_exit(dally, (Datum) 0);
	ereport(FATAL, (errmsg("leaving, as asked")));
	PG_RETURN_VOID();			/* not reached */
}

/* As the launcher does, which starts one a database only. Gives back its pid. */
Datum
ayb_jobs_test_start_scheduler(PG_FUNCTION_ARGS)
{
	BackgroundWorker worker = {0};
	BackgroundWorkerHandle *handle;
	pid_t		pid = 0;		/* if it has left already */

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
	strlcpy(worker.bgw_library_name, "ayb_jobs", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "ayb_jobs_scheduler_main", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "second scheduler", BGW_MAXLEN);
	strlcpy(worker.bgw_name, "second scheduler", BGW_MAXLEN);
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		elog(ERROR, "no background worker slot is free");
	if (WaitForBackgroundWorkerStartup(handle, &pid) == BGWH_POSTMASTER_DIED)
		elog(ERROR, "the postmaster died");
	PG_RETURN_INT32(pid);
}

Datum
ayb_jobs_test_commit_prepared(PG_FUNCTION_ARGS)
{
	FinishPreparedTransaction(text_to_cstring(PG_GETARG_TEXT_PP(0)), true);
	PG_RETURN_VOID();
}

/*
 * While the file ayb_jobs_test.pause_POINT is in the data directory, for a minute at most; ayb_jobs_test.at_POINT is
 * there meanwhile.
 */
void
pause_at(const char *point)
{
	char		pause[64];
	char		at[64];

	snprintf(pause, sizeof(pause), "ayb_jobs_test.pause_%s", point);
	snprintf(at, sizeof(at), "ayb_jobs_test.at_%s", point);
	if (access(pause, F_OK) != 0)
		return;
	close(open(at, O_CREAT | O_WRONLY, 0600));
	for (int i = 0; i < 60000 && access(pause, F_OK) == 0; i++)
		pg_usleep(1000);
	unlink(at);
}

/* For handlers. No time is used up, and no interrupt is served. */
Datum
ayb_jobs_test_pause(PG_FUNCTION_ARGS)
{
	pause_at(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}

/* Callbacks of a later library are called first: the commit is visible by now, and ayb_jobs hasn't heard of it. */
static void
on_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT && application_name != NULL && strcmp(application_name, "paused") == 0)
		pause_at("commit");
}

/* The snapshot has been read, and nobody has drawn a conclusion from it. Counts have a point for each database. */
static void
on_end(QueryDesc *query)
{
	const bool	look = MyBgworkerEntry != NULL && strncmp(query->sourceText, LOOK, strlen(LOOK)) == 0;
	const bool	count = MyBgworkerEntry != NULL && strstr(query->sourceText, COUNT) != NULL;

	if (previous_end)
		previous_end(query);
	else
		standard_ExecutorEnd(query);
	if (look)
		pause_at("look");
	if (count)
	{
		char		point[32];

		snprintf(point, sizeof(point), "count_%u", MyDatabaseId);
		pause_at(point);
	}
}

void
_PG_init(void)
{
	RegisterXactCallback(on_transaction, NULL);
	previous_end = ExecutorEnd_hook;
	ExecutorEnd_hook = on_end;
}
