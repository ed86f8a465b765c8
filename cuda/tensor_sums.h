// float32 sums on the tensor cores and exact sums by residues: operands as dense matrices, products by cuBLASLt (gemm.h).
#pragma once

#include <taper/cuda/sum_problem.h>

namespace taper::cuda {

// False where it does not pay: then the tiles of float_sums.cu serve.
bool tensor_sums(Runtime& runtime, const SumCall& call);
// The exact sum modulo enough primes and prime powers, put together again (Ozaki, Uchino, Imamura, arXiv 2504.08009); operands are finite.
// False where it does not pay or the sums are too wide.
bool residue_sums(Runtime& runtime, const SumCall& call);

// Multiply-adds from which a library's product pays.
inline bool pays(std::int64_t multiply_adds) { return multiply_adds >= pays_from(std::int64_t{1} << 22, std::int64_t{1} << 12); }
inline bool pays_to_lay_out(const SumShape& s) { return pays(s.rows() * s.columns() * s.terms()); }  // each problem of a batch by itself

inline bool has_infinity(const Format& f) {
    const Minifloat* const m = std::get_if<Minifloat>(&f.family());
    return m != nullptr && m->specials == Specials::ieee;
}
// high + low, two of bfloat16, hold every value: 16 significant bits, a low part among bfloat16's normal numbers, and no infinity, whose low part is
// no number.
inline bool fits_pairs(const Format& f) { return f.significand_bits() <= 16 && f.min_exponent() >= -120 && f.max_exponent() < 127 && !has_infinity(f); }

inline std::int64_t padded_terms(std::int64_t terms, std::int64_t multiple) { return (terms + multiple - 1) / multiple * multiple; }

}  // namespace taper::cuda
