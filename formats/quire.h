// Quire: the exact register of the Posit Standard (2022) for sums of posits and of products of two posits, generalised to any posit(n,es).
#pragma once

#include <string>

#include <taper/formats/limbs.h>
#include <taper/formats/number.h>

namespace taper {

// Two's complement integer of width() = 4 (n-2) 2^es + 32 bits (16 n where es = 2, the standard's) times minpos^2.
// NaR is 10...0; a NaR operand makes the quire NaR, which stays until clear() or an assignment.
// 2^31 - 1 products of the largest values cannot overflow, which is what the standard guarantees; a sum beyond, outside of
// (-2^(width-1), 2^(width-1)) units, makes the quire NaR.
// Every operation is exact; to_posit() is the one that rounds.  Each throws Error on an operand of another format.
class Quire {
  public:
    explicit Quire(const Format& posit);  // 0; throws Error if the format is not a posit
    explicit Quire(const Number& x);      // pToQ

    const Format& format() const { return format_; }
    int width() const;  // in bits
    bool is_nar() const { return nar_; }

    Quire& clear();                                              // 0
    Quire& negate();                                             // qNegate
    Quire& abs();                                                // qAbs
    Quire& operator+=(const Number& x);                          // qAddP
    Quire& operator-=(const Number& x);                          // qSubP
    Quire& operator+=(const Quire& x);                           // qAddQ
    Quire& operator-=(const Quire& x);                           // qSubQ
    Quire& multiply_add(const Number& a, const Number& b);       // qMulAdd: q + a b
    Quire& multiply_subtract(const Number& a, const Number& b);  // qMulSub: q - a b

    // qToP: rounded once into the posit format; `mode` and `draw` as for a Number.
    Number to_posit(Rounding mode = Rounding::nearest, std::uint32_t draw = 0) const;
    std::string hex() const;    // the register, width() / 4 lower-case digits
    std::string value() const;  // exactly, as a C hex float; "nan" for NaR

    friend bool operator==(const Quire& a, const Quire& b);  // same format and register; NaR equals NaR

  private:
    int lsb() const { return 2 * format_.min_exponent(); }
    Unpacked operand(const char* op, const Number& x) const;
    void check(const char* op, const Format& format) const;
    Quire& add(const Unpacked& a, const Unpacked& b, bool negative);  // +-a b
    Quire& add(const Quire& x, bool negative);
    Quire& settle();  // NaR where the sum does not fit

    Format format_;
    Limbs limbs_;  // one bit or more wider than the register; 0 where NaR
    bool nar_ = false;
};

}  // namespace taper
