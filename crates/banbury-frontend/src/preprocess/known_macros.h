// What some widely used macros mean, where their own definition is far larger: checks at compile
// time, instrumentation, ordering of memory accesses. An entry is used in place of a definition
// that comes from a header in one of the directories of the last `#pragma from`; `#undef` leaves
// uses as calls. It must compute the same value, evaluate the same operands and keep their
// addresses; operands with side effects may be evaluated twice.

#pragma from include/linux include/asm-generic include/net include/trace include/vdso

// Checks at compile time.
#define BUILD_BUG() ((void)0)
#define BUILD_BUG_ON(condition) ((void)0)
#define BUILD_BUG_ON_MSG(condition, message) ((void)0)
#define BUILD_BUG_ON_INVALID(expression) ((void)0)
#define BUILD_BUG_ON_NOT_POWER_OF_2(n) ((void)0)
#define BUILD_BUG_ON_ZERO(expression) 0
#define __must_be_array(array) 0
#define compiletime_assert(condition, message) ((void)0)
#define compiletime_assert_atomic_type(type) ((void)0)
#define compiletime_assert_rwonce_type(type) ((void)0)
#define __BF_FIELD_CHECK(...) ((void)0)
#define GENMASK_INPUT_CHECK(high, low) 0
#define typecheck(type, x) 1
#define typecheck_fn(type, function) ((void)0)
#define typecheck_pointer(x) 1

// Values.
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define container_of(pointer, type, member) ((type *)((char *)(pointer) - __builtin_offsetof(type, member)))
#define min(x, y) ((x) < (y) ? (x) : (y))
#define max(x, y) ((x) > (y) ? (x) : (y))
#define min3(x, y, z) min(min(x, y), z)
#define max3(x, y, z) max(max(x, y), z)
#define min_t(type, x, y) ((type)(x) < (type)(y) ? (type)(x) : (type)(y))
#define max_t(type, x, y) ((type)(x) > (type)(y) ? (type)(x) : (type)(y))
#define clamp(value, low, high) min(max(value, low), high)
#define clamp_t(type, value, low, high) min_t(type, max_t(type, value, low), high)
#define clamp_val(value, low, high) min_t(__typeof__(value), max_t(__typeof__(value), value, low), high)
#define likely(x) (!!(x))
#define unlikely(x) (!!(x))

// Memory accesses.
#define READ_ONCE(x) (x)
#define WRITE_ONCE(x, value) ((x) = (value))
#define __READ_ONCE(x) (x)
#define __WRITE_ONCE(x, value) ((x) = (value))
#define READ_ONCE_NOCHECK(x) (x)
#define data_race(expression) (expression)
#define smp_load_acquire(pointer) (*(pointer))
#define smp_store_release(pointer, value) (*(pointer) = (value))
#define smp_store_mb(x, value) ((x) = (value))
#define rcu_access_pointer(p) (p)
#define rcu_dereference(p) (p)
#define rcu_dereference_bh(p) (p)
#define rcu_dereference_sched(p) (p)
#define rcu_dereference_raw(p) (p)
#define rcu_dereference_check(p, condition) (p)
#define rcu_dereference_bh_check(p, condition) (p)
#define rcu_dereference_sched_check(p, condition) (p)
#define rcu_dereference_protected(p, condition) (p)
#define rcu_dereference_rtnl(p) (p)
#define rtnl_dereference(p) (p)
#define rcu_pointer_handoff(p) (p)
#define rcu_assign_pointer(p, value) ((p) = (value))
#define RCU_INIT_POINTER(p, value) ((p) = (value))
#define rcu_replace_pointer(p, value, condition) ((p) = (value))
#define per_cpu_ptr(pointer, cpu) (pointer)
#define this_cpu_ptr(pointer) (pointer)
#define raw_cpu_ptr(pointer) (pointer)
#define per_cpu(variable, cpu) (variable)
#define this_cpu_read(x) (x)
#define this_cpu_write(x, value) ((x) = (value))
#define this_cpu_add(x, value) ((x) += (value))
#define this_cpu_sub(x, value) ((x) -= (value))
#define this_cpu_inc(x) ((x)++)
#define this_cpu_dec(x) ((x)--)
#define __this_cpu_read(x) (x)
#define __this_cpu_write(x, value) ((x) = (value))
#define __this_cpu_add(x, value) ((x) += (value))
#define __this_cpu_sub(x, value) ((x) -= (value))
#define __this_cpu_inc(x) ((x)++)
#define __this_cpu_dec(x) ((x)--)
#define raw_cpu_read(x) (x)
#define raw_cpu_write(x, value) ((x) = (value))
#define raw_cpu_add(x, value) ((x) += (value))
#define raw_cpu_inc(x) ((x)++)
#define raw_cpu_dec(x) ((x)--)

// Assertions and messages.
#undef BUG
#define BUG_ON(condition) do { if (condition) BUG(); } while (0)
#define WARN_ON(condition) (!!(condition))
#define WARN_ON_ONCE(condition) (!!(condition))
#define WARN(condition, ...) (!!(condition))
#define WARN_ONCE(condition, ...) (!!(condition))
#define WARN_TAINT(condition, ...) (!!(condition))
#define WARN_TAINT_ONCE(condition, ...) (!!(condition))
#define lockdep_assert(condition) ((void)0)
#define lockdep_assert_held(lock) ((void)0)
#define lockdep_assert_held_write(lock) ((void)0)
#define lockdep_assert_held_read(lock) ((void)0)
#define lockdep_assert_held_once(lock) ((void)0)
#undef printk
#undef printk_once
#undef printk_ratelimited
#define pr_emerg(...) printk(__VA_ARGS__)
#define pr_alert(...) printk(__VA_ARGS__)
#define pr_crit(...) printk(__VA_ARGS__)
#define pr_err(...) printk(__VA_ARGS__)
#define pr_warn(...) printk(__VA_ARGS__)
#define pr_notice(...) printk(__VA_ARGS__)
#define pr_info(...) printk(__VA_ARGS__)
#define pr_cont(...) printk(__VA_ARGS__)
#define pr_devel(...) printk(__VA_ARGS__)
#define pr_debug(...) printk(__VA_ARGS__)
#undef dev_emerg
#undef dev_alert
#undef dev_crit
#undef dev_err
#undef dev_warn
#undef dev_notice
#undef dev_info
#undef dev_dbg
#undef dev_vdbg
#undef netdev_dbg
#undef netdev_vdbg
#undef netif_dbg
#undef net_dbg_ratelimited

// Registration: nothing that a function does.
#define EXPORT_SYMBOL(symbol)
#define EXPORT_SYMBOL_GPL(symbol)
#define EXPORT_SYMBOL_NS(symbol, space)
#define EXPORT_SYMBOL_NS_GPL(symbol, space)
#define EXPORT_PER_CPU_SYMBOL(symbol)
#define EXPORT_PER_CPU_SYMBOL_GPL(symbol)
#define EXPORT_TRACEPOINT_SYMBOL(symbol)
#define EXPORT_TRACEPOINT_SYMBOL_GPL(symbol)
#define MODULE_LICENSE(text)
#define MODULE_AUTHOR(text)
#define MODULE_DESCRIPTION(text)
#define MODULE_VERSION(text)
#define MODULE_ALIAS(text)
#define MODULE_FIRMWARE(text)
#define MODULE_INFO(tag, info)
#define MODULE_PARM_DESC(name, text)
#define MODULE_SOFTDEP(text)
#define MODULE_IMPORT_NS(space)
#define MODULE_DEVICE_TABLE(type, name)
#define module_param(name, type, mode)
#define module_param_named(name, value, type, mode)
#define module_param_array(name, type, count, mode)
#define module_param_array_named(name, array, type, count, mode)
#define module_param_string(name, string, length, mode)
#define module_param_cb(name, operations, argument, mode)
#define module_param_call(name, set, get, argument, mode)
#define module_param_hw(name, type, hardware, mode)
#define module_param_unsafe(name, type, mode)
#define TRACE_EVENT(...)
#define TRACE_EVENT_CONDITION(...)
#define TRACE_EVENT_FN(...)
#define TRACE_EVENT_FN_COND(...)
#define DECLARE_EVENT_CLASS(...)
#define DEFINE_EVENT(...)
#define DEFINE_EVENT_FN(...)
#define DEFINE_EVENT_PRINT(...)
#define DEFINE_EVENT_CONDITION(...)
#define DECLARE_TRACE(...)
