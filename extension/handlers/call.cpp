#include "handlers/call.hpp"

#include "base/arguments.hpp"

extern "C" {
#include "executor/functions.h"
}

namespace ayb {

namespace {

// to_jsonb() asks the call's expression for the type of its argument; casts to json that a user
// defined for that type run in here, as the job's role.
Datum as_jsonb(Datum value, Oid type) {
    if (type == JSONBOID)
        return value;
    Param *argument = makeNode(Param);
    argument->paramkind = PARAM_EXTERN;
    argument->paramtype = type;
    argument->paramtypmod = -1;
    FmgrInfo function;
    fmgr_info(F_TO_JSONB, &function);
    fmgr_info_set_expr(
        reinterpret_cast<Node *>(makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(argument),
                                              InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL)),
        &function);
    return FunctionCall1Coll(&function, DEFAULT_COLLATION_OID, value);
}

} // namespace

void prepare_call(const Handler &handler, Oid function, MemoryContext context, Callable *callable) {
    fmgr_info_cxt(function, &callable->info, context);
    callable->result = get_func_rettype(function);
    callable->takes_payload = handler.takes_payload;
    callable->forgets = callable->info.fn_addr == fmgr_sql;
}

HandlerResult call(Callable *callable, Datum payload) {
    // FunctionCall1() would raise for a NULL result.
    LOCAL_FCINFO(frame, 1);
    InitFunctionCallInfoData(*frame, &callable->info, callable->takes_payload ? 1 : 0, InvalidOid,
                             nullptr, nullptr);
    frame->args[0].value = payload;
    frame->args[0].isnull = false;
    const Datum value = FunctionCallInvoke(frame);

    HandlerResult result{};
    result.null = frame->isnull || callable->result == VOIDOID;
    if (!result.null) {
        result.value = as_jsonb(value, callable->result);
        check_json_size(result.value, "the handler's result");
    }
    return result;
}

} // namespace ayb
