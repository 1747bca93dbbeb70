// SPDX-License-Identifier: MIT
#include "peer.h"
#include <memory>

static std::shared_ptr<int> handle;

static void make()
{
    handle = std::make_shared<int>(0);
}

static void pairs(long count)
{
    for (long i = 0; i < count; i++) {
        std::shared_ptr<int> mine = handle;
        asm volatile("" : : "r"(mine.get()) : "memory");
    }
}

extern const peer measured = {make, nullptr, nullptr, pairs};
