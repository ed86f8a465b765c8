// What the residual networks share: the shape of a block, stages of blocks.
#pragma once

#include <cstdint>

#include <taper/nn/sequential.h>

namespace taper::nn {

struct BlockShape {
    std::int64_t in, out;  // channels
    std::int64_t stride;
    bool keeps_shape() const { return stride == 1 && in == out; }
};

// Appends Block(shape, arguments...) and further ones that keep its output's shape.
template <class Block, class... Arguments>
void add_blocks(Sequential& stage, int blocks, BlockShape shape, Arguments&&... arguments) {
    for (int i = 0; i < blocks; ++i) {
        stage.emplace<Block>(shape, arguments...);
        shape = {.in = shape.out, .out = shape.out, .stride = 1};
    }
}

// n of a depth 6 n + 2: three stages of n blocks of two convolutions.  Throws Error, with the model's name, for another depth.
int blocks_of_depth(const char* model, int depth);

}  // namespace taper::nn
