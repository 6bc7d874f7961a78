/*
 * Functions that end the backend which runs them, as a bug in a handler's C code would.
 */
#include "postgres.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(ayb_jobs_test_crash);
PG_FUNCTION_INFO_V1(ayb_jobs_test_exit);

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
