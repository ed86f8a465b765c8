#include <taper/core/cpu/scratch.h>

#include <array>
#include <memory>
#include <new>

namespace taper::cpu {

namespace {

struct Free {
    void operator()(void* block) const { ::operator delete (block, std::align_val_t{64}); }
};

struct Block {
    std::unique_ptr<void, Free> memory;
    std::int64_t bytes = 0;
};

}  // namespace

void* thread_scratch(Scratch kind, std::int64_t bytes) {
    thread_local std::array<Block, scratch_count> blocks;
    Block& block = blocks[static_cast<std::size_t>(kind)];
    if (block.bytes < bytes) {
        block.memory.reset();
        block.bytes = 0;
        block.memory.reset(::operator new (static_cast<std::size_t>(bytes), std::align_val_t{64}));
        block.bytes = bytes;
    }
    return block.memory.get();
}

}  // namespace taper::cpu
