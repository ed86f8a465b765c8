// InexactFlag: asks the processor whether any floating-point operation of this thread rounded.  The flag is sticky and free to set.
// Code under it is reached through a function pointer, so that no compiler moves arithmetic across the accesses.
#pragma once

#if defined(__SSE2__)
#include <cstdint>
#else
#include <cfenv>
#endif

namespace taper::cpu {

// While it lives: round to nearest, nothing flushed to zero, flags clear at first; what was there before comes back with its end.
class InexactFlag {
  public:
    InexactFlag(const InexactFlag&) = delete;
    InexactFlag& operator=(const InexactFlag&) = delete;
#if defined(__SSE2__)
    InexactFlag() : before_(read()) { clear(); }
    ~InexactFlag() { write(before_); }
    bool raised() const { return (read() & 0x20) != 0; }
    void clear() { write(0x1f80); }

  private:
    static std::uint32_t read() {
        std::uint32_t state;
        asm volatile("stmxcsr %0" : "=m"(state)::"memory");
        return state;
    }
    static void write(std::uint32_t state) { asm volatile("ldmxcsr %0" ::"m"(state) : "memory"); }
    std::uint32_t before_;
#else
    InexactFlag() {
        std::feholdexcept(&before_);
        std::fesetround(FE_TONEAREST);
    }
    ~InexactFlag() { std::fesetenv(&before_); }
    bool raised() const { return std::fetestexcept(FE_INEXACT) != 0; }
    void clear() { std::feclearexcept(FE_ALL_EXCEPT); }

  private:
    std::fenv_t before_;
#endif
};

}  // namespace taper::cpu
