"""Times a training step in PyTorch, in float32 (TF32 off), on two threads or a GPU; prints "NAME MEDIAN SHORTEST" in milliseconds, a line a layout.

The networks, the batches and the optimizers are those of `bench step`.  Usage: step_time.py [STEPS [lenet5|preresnet20|dcgan64 [cpu|cuda]]]
"""

import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.conv3 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5), nn.Conv2d(16, 120, 5)
        self.fc1, self.fc2 = nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = F.relu(self.conv3(x)).flatten(1)
        return self.fc2(F.relu(self.fc1(x)))


def conv3x3(inputs, outputs, stride=1):
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)


class PreActivationBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), conv3x3(inputs, outputs, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(outputs), conv3x3(outputs, outputs)
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)

    def forward(self, x):
        y = self.conv1(F.relu(self.bn1(x)))
        return self.shortcut(x) + self.conv2(F.relu(self.bn2(y)))


class PreResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        blocks, inputs = [], 16
        for outputs in (16, 32, 64):
            for i in range(3):
                blocks.append(PreActivationBlock(inputs, outputs, 2 if i == 0 and outputs > 16 else 1))
                inputs = outputs
        self.conv1, self.blocks, self.bn, self.fc = conv3x3(3, 16), nn.Sequential(*blocks), nn.BatchNorm2d(64), nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.bn(self.blocks(self.conv1(x))))
        return self.fc(F.avg_pool2d(x, 8).flatten(1))


def generator():
    layers = [nn.ConvTranspose2d(100, 512, 4, bias=False)]
    for inputs, outputs in ((512, 256), (256, 128), (128, 64), (64, 3)):
        layers += [nn.BatchNorm2d(inputs), nn.ReLU(True), nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)]
    return nn.Sequential(*layers, nn.Tanh())


def discriminator():
    layers = []
    for inputs, outputs in ((3, 64), (64, 128), (128, 256), (256, 512)):
        norm = [] if inputs == 3 else [nn.BatchNorm2d(outputs)]
        layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False), *norm, nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, nn.Conv2d(512, 1, 4, bias=False))


def classifier_step(model, image, batch, layout, **options):
    model = model.to(memory_format=layout)
    images = torch.randn(batch, *image).contiguous(memory_format=layout)
    labels = torch.arange(batch) % 10
    optimizer = torch.optim.SGD(model.parameters(), lr=1 / 1024, **options)

    def step():
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step


def lenet_step(layout):
    return classifier_step(LeNet5(), (1, 28, 28), 64, layout, momentum=0.5)


def preresnet_step(layout):
    return classifier_step(PreResNet20(), (3, 32, 32), 128, layout, momentum=0.9, weight_decay=5e-4)


def dcgan_step(layout):
    make, judge = generator().to(memory_format=layout), discriminator().to(memory_format=layout)
    real = torch.rand(64, 3, 64, 64).mul(2).sub(1).contiguous(memory_format=layout)
    noise = torch.randn(64, 100, 1, 1)
    ones, zeros = torch.ones(64), torch.zeros(64)
    adam = [torch.optim.Adam(model.parameters(), lr=2e-4, betas=(0.5, 0.999)) for model in (make, judge)]

    def loss_of(images, target):
        return F.binary_cross_entropy_with_logits(judge(images).flatten(), target)

    def step():
        adam[1].zero_grad()
        loss_of(real, ones).backward()
        fake = make(noise)
        loss_of(fake.detach(), zeros).backward()
        adam[1].step()
        adam[0].zero_grad()
        for parameter in judge.parameters():
            parameter.requires_grad_(False)
        loss_of(fake, ones).backward()
        for parameter in judge.parameters():
            parameter.requires_grad_(True)
        adam[0].step()

    return step


def time_steps(step, steps, wait):
    warm = min(10, max(2, steps // 3))
    times = []
    for _ in range(steps + warm):
        start = time.perf_counter()
        step()
        wait()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times[warm:]), 1e3 * min(times[warm:])


def main():
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    make_step = {"lenet5": lenet_step, "preresnet20": preresnet_step, "dcgan64": dcgan_step}[sys.argv[2] if len(sys.argv) > 2 else "lenet5"]
    wait = lambda: None
    if len(sys.argv) > 3 and sys.argv[3] == "cuda":
        torch.set_default_device("cuda")
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        wait = torch.cuda.synchronize
    torch.set_num_threads(2)
    torch.manual_seed(1)
    version = torch.__version__.split("+")[0]
    for name, layout in [("contiguous", torch.contiguous_format), ("channels_last", torch.channels_last)]:
        median, shortest = time_steps(make_step(layout), steps, wait)
        print(f"torch_{version}_{name} {median:.4f} {shortest:.4f}", flush=True)


if __name__ == "__main__":
    main()
