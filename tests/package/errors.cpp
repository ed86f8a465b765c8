#include <taper/nn/nn.h>

#include <iostream>

// nn.h alone is enough to catch what the library throws.
int main() {
    try {
        taper::core::matmul(taper::Tensor::zeros({2, 3}), taper::Tensor::zeros({2, 3}));
    } catch (const taper::Error& error) {
        std::cout << error.what() << "\n";
    }
}
