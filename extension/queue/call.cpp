#include "queue/call.hpp"

#include "queue/arguments.hpp"

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

HandlerResult call_handler(const Handler &handler, const Job &job) {
    const Oid oid = resolve_function(handler, GetUserId());
    FmgrInfo function;
    fmgr_info(oid, &function);
    const Oid type = get_func_rettype(oid);

    // FunctionCall1() would raise for a NULL result.
    LOCAL_FCINFO(call, 1);
    InitFunctionCallInfoData(*call, &function, handler.takes_payload ? 1 : 0, InvalidOid, nullptr,
                             nullptr);
    call->args[0].value = job.payload;
    call->args[0].isnull = false;
    const Datum value = FunctionCallInvoke(call);

    HandlerResult result{};
    result.null = call->isnull || type == VOIDOID;
    if (!result.null) {
        result.value = as_jsonb(value, type);
        check_json_size(result.value, "the handler's result");
    }
    return result;
}

} // namespace ayb
