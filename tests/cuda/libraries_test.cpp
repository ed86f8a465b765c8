// A build with cuDNN's headers finds its libraries on a machine with a GPU, and plans for usual convolutions: without them all goes on, slowly, and nothing
// else says so.  CUDNN_LOGLEVEL_DBG=1 CUDNN_LOGDEST_DBG=stderr in the environment: what cuDNN says of a plan that it has not.
#include <gtest/gtest.h>

#include <taper/cuda/backend.h>
#include <taper/cuda/cudnn.h>

namespace taper::cuda {
namespace {

TEST(Libraries, HaveConvolutions) {
    Runtime& runtime = static_cast<CudaBackend*>(cuda_backend(0))->runtime();
    for (const ConvDirection direction : {ConvDirection::forward, ConvDirection::backward_data, ConvDirection::backward_weights}) {
        for (const bool bfloat16 : {true, false}) {
            const ConvProblem plain{direction, bfloat16, 2, 64, 32, 32, 64, 3, 3, 32, 32, 1, 1, 1, 1};
            const ConvProblem strided{direction, bfloat16, 2, 64, 32, 32, 128, 4, 4, 16, 16, 2, 1, 1, 1};
            EXPECT_TRUE(cudnn_has_plan(runtime, plain)) << "direction " << static_cast<int>(direction) << (bfloat16 ? ", bfloat16" : ", float32");
            EXPECT_TRUE(cudnn_has_plan(runtime, strided)) << "stride 2, direction " << static_cast<int>(direction) << (bfloat16 ? ", bfloat16" : ", float32");
        }
    }
}

}  // namespace
}  // namespace taper::cuda
