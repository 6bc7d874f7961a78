/*
 * Functions that end the backend which runs them, as a bug in a handler's C code would; and one that starts a
 * second scheduler.
 */
#include "postgres.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(ayb_jobs_test_crash);
PG_FUNCTION_INFO_V1(ayb_jobs_test_exit);
PG_FUNCTION_INFO_V1(ayb_jobs_test_start_scheduler);

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
