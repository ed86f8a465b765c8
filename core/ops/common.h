// What the ops' checks share.
#pragma once

#include <initializer_list>

#include <taper/core/ops.h>

namespace taper::core {

struct NamedOperand {
    const char* name;
    const Tensor& tensor;
};

// Every operand is defined, holds values rather than indices, and lies on the first one's device; throws Error otherwise.
void check_values(const char* op, std::initializer_list<NamedOperand> operands);
void check_same_device(const char* op, const NamedOperand& a, const NamedOperand& b);
void check_same_shape(const char* op, const NamedOperand& a, const NamedOperand& b);

// `output`, or nearest in `format` where it is unset; throws Error where it holds indices.
Target target_of(const char* op, const Output& output, const Format& format);
// Draws from the default generator where the target rounds stochastically.
RoundingMode rounding_mode(const Target& target);

// The type in which a gradient that is not complete is held: float32, or float64 where a format asks for it.
Format gradient_format(std::initializer_list<Format> formats);

}  // namespace taper::core
