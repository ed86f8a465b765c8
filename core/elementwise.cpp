#include <taper/core/elementwise.h>

namespace taper {

#define TAPER_NAME(type, function) #function,

const char* name(Unary op) {
    static constexpr const char* names[] = {TAPER_UNARY_OPS(TAPER_NAME)};
    return names[static_cast<int>(op)];
}

const char* name(Binary op) {
    static constexpr const char* names[] = {TAPER_BINARY_OPS(TAPER_NAME)};
    return names[static_cast<int>(op)];
}

#undef TAPER_NAME

Saves saves(Unary op) {
    return visit(op, [](auto f) { return decltype(f)::saves; });
}

}  // namespace taper
