// Variables as handles, what is recorded and what is not, frozen parameters, graphs deeper than any stack.
#include <gtest/gtest.h>
#include <pthread.h>

#include <string>

#include <taper/formats/error.h>

#include "autograd/ops_of_tests.h"
#include "support/throws.h"

namespace taper {
namespace {

using namespace tests;

const Format p8 = Format::posit(8, 2), p16 = Format::posit(16, 2);

TEST(Variable, CopiesShareValueGradientAndFlags) {
    Variable x = Variable::leaf(vector_of({1, 2}, Format::float32()), p8);
    const Variable same = x;
    backward(sum(x));
    EXPECT_EQ(same.grad().to_vector(), (std::vector<float>{1, 1}));
    x.zero_grad();
    EXPECT_FALSE(same.grad().defined());
    x.set_value(vector_of({5, 6}, p16));
    EXPECT_EQ(same.value().to_vector(), (std::vector<float>{5, 6}));
    x.set_requires_grad(false);
    EXPECT_FALSE(same.requires_grad());
}

TEST(Variable, TensorsAreConstants) {
    const Variable c = Tensor::zeros({3});
    EXPECT_TRUE(c.is_leaf());
    EXPECT_FALSE(c.requires_grad());
    EXPECT_FALSE(relu(c).requires_grad());
    EXPECT_FALSE(c.grad().defined());
    EXPECT_EQ(c.gradient_target(), Target(Format::float32()));
    EXPECT_EQ(Variable(Tensor::zeros({3}, Format::float64())).gradient_target(), Target(Format::float64()));
}

TEST(Variable, DefaultTargetIsTheComputeTypeOfTheValue) {
    EXPECT_EQ(Variable::leaf(Tensor::zeros({1}, p8)).gradient_target(), Target(Format::float32()));
    EXPECT_EQ(Variable::leaf(Tensor::zeros({1}, Format::posit(32, 2))).gradient_target(), Target(Format::float64()));
    EXPECT_EQ(Variable::leaf(Tensor::zeros({1}, Format::posit(32, 2)), Format::float32()).gradient_target(), Target(Format::float32()));
}

TEST(Variable, ErrorsSayWhatIsWanted) {
    EXPECT_EQ(error_of([] { (void)Variable().value(); }), "Variable: it holds nothing: default-constructed (want one made from a Tensor or by an op)");
    EXPECT_EQ(error_of([] { (void)Variable::leaf(Tensor::zeros({1}, Format::int32())); }),
              "Variable: an index format has no gradient: int32 (want a format with arithmetic)");
    Variable x = Variable::leaf(Tensor::zeros({2})), y = relu(x);
    EXPECT_EQ(error_of([&] { y.set_requires_grad(false); }), "set_requires_grad: the Variable was computed by relu (want a leaf; detach() makes one)");
    EXPECT_EQ(error_of([&] { y.set_value(Tensor::zeros({2})); }), "set_value: the Variable was computed by relu (want a leaf)");
    EXPECT_EQ(error_of([&] { x.set_value(Tensor::zeros({3})); }), "set_value: shapes differ: new [3], old [2]");
    EXPECT_EQ(error_of([&] { x.set_grad(Tensor::zeros({3})); }), "set_grad: shapes differ: the gradient is [3], the value [2]");
    EXPECT_EQ(error_of([&] { y.set_grad(Tensor::zeros({2})); }), "set_grad: the Variable is a constant or computed (want a leaf that requires a gradient)");
}

TEST(Graph, NothingIsRecordedWithoutNeed) {
    int made = 0;
    const auto op = [&](const Variable& x) {
        return make_result("op", x.value(), {x, Variable()}, [&]() -> GradientFunction {
            ++made;
            return [](const Tensor& dy, const std::vector<GradientRequest>&) { return std::vector<Tensor>{dy, Tensor()}; };
        });
    };
    Variable x = Variable::leaf(Tensor::zeros({1}));
    EXPECT_FALSE(op(Tensor::zeros({1})).requires_grad());
    {
        NoGrad guard;
        EXPECT_FALSE(grad_enabled());
        { NoGrad inner; }
        EXPECT_FALSE(grad_enabled());
        EXPECT_FALSE(op(x).requires_grad());
    }
    EXPECT_TRUE(grad_enabled());
    EXPECT_FALSE(op(x.detach()).requires_grad());
    x.set_requires_grad(false);
    EXPECT_FALSE(op(x).requires_grad());
    EXPECT_EQ(made, 0);
    x.set_requires_grad(true);
    backward(op(x));
    EXPECT_EQ(made, 1);
    EXPECT_EQ(x.grad().item(), 1);
}

TEST(Graph, FrozenParametersAndConstantInputsCostNoGradient) {
    int image = 0, features = 0, frozen = 0, trained = 0;
    Variable w1 = Variable::leaf(Tensor::full({3, 4}, 1)), w2 = Variable::leaf(Tensor::full({2, 3}, 1));
    const auto loss = [&] {
        const Variable x = passes(Tensor::full({5, 4}, 1), image);
        const Variable h = passes(linear(x, passes(w1, frozen), Variable()), features);
        return sum(linear(h, passes(w2, trained), Variable()));
    };
    w1.set_requires_grad(false);
    backward(loss());
    EXPECT_EQ(image + features + frozen, 0);  // the pass ends where nothing below needs a gradient
    EXPECT_EQ(trained, 1);
    EXPECT_FALSE(w1.grad().defined());
    w1.set_requires_grad(true);
    w2.zero_grad();
    backward(loss());
    EXPECT_EQ(image, 0);
    EXPECT_EQ(features, 1);
    EXPECT_EQ(frozen, 1);
    EXPECT_EQ(w1.grad().to_vector(), std::vector<float>(12, 10));
}

TEST(Graph, ALeafFrozenAfterTheForwardPassReceivesNothing) {
    Variable a = Variable::leaf(Tensor::full({2}, 3)), b = Variable::leaf(Tensor::full({2}, 5));
    const Variable loss = sum(mul(a, b));
    a.set_requires_grad(false);
    backward(loss);
    EXPECT_FALSE(a.grad().defined());
    EXPECT_EQ(b.grad().to_vector(), (std::vector<float>{3, 3}));
}

TEST(Graph, ASavedTensorThatWasAssignedIsAnErrorThatNamesTheOp) {
    const Variable x = Variable::leaf(vector_of({1, 2, 3}, Format::float32()));
    const Variable y = sum(square(x));
    Tensor value = x.value();
    value.assign(vector_of({4, 5, 6}, Format::float32()));
    const std::string message = error_of([&] { backward(y); });
    EXPECT_EQ(message.substr(0, message.find(" version")), "backward of square: a saved tensor was assigned to since the forward pass: float32 [3],")
        << message;
}

// Runs f on a stack of 1 MiB, which 200,000 nested calls of any kind overflow.
void on_a_small_stack(std::function<void()> f) {
    pthread_attr_t attributes;
    ASSERT_EQ(pthread_attr_init(&attributes), 0);
    ASSERT_EQ(pthread_attr_setstacksize(&attributes, 1 << 20), 0);
    pthread_t thread;
    const auto run = [](void* p) -> void* {
        (*static_cast<std::function<void()>*>(p))();
        return nullptr;
    };
    ASSERT_EQ(pthread_create(&thread, &attributes, run, &f), 0);
    pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes);
}

constexpr int depth = 200000;

TEST(Graph, AChainOf200000OpsRunsBackwardWithoutRecursion) {
    on_a_small_stack([] {
        const Variable x = Variable::leaf(vector_of({2}, Format::float32()));
        Variable y = x;
        for (int i = 0; i < depth; ++i) y = neg(y);
        backward(y);
        EXPECT_EQ(x.grad().item(), 1);
    });
}

TEST(Graph, AChainOf200000OpsIsFreedWithoutRecursion) {
    on_a_small_stack([] {
        Variable y = Variable::leaf(vector_of({2}, Format::float32()));
        for (int i = 0; i < depth; ++i) y = neg(y);
    });
}

TEST(Graph, AChainHeldByGradientFunctionsIsFreedWithoutRecursion) {
    on_a_small_stack([] {
        Variable y = Variable::leaf(vector_of({2}, Format::float32()));
        for (int i = 0; i < depth; ++i) {
            y = make_result("holds", y.value(), {y}, [&]() -> GradientFunction {
                return [y](const Tensor& dy, const std::vector<GradientRequest>&) { return std::vector<Tensor>{dy}; };
            });
        }
    });
}

}  // namespace
}  // namespace taper
