// SPDX-License-Identifier: Apache-2.0
// C11 threads by way of POSIX threads, for the thread sanitizer's build alone. librdkafka starts
// its threads with thrd_create and locks with mtx_lock; g++ 12's thread sanitizer intercepts only
// their POSIX twins, so it would crash in a thread it has never seen and take every lock for no
// lock. A definition in the executable goes before the C library's.
#include <cerrno>
#include <cstdint>
#include <memory>
#include <pthread.h>
#include <threads.h>

static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t) && sizeof(cnd_t) >= sizeof(pthread_cond_t));

namespace {

struct Start {
    thrd_start_t function;
    void* argument;
};

void* begin(void* opaque) {
    const std::unique_ptr<Start> start(static_cast<Start*>(opaque));
    return reinterpret_cast<void*>(static_cast<std::intptr_t>(start->function(start->argument)));
}

int answer(int code) {
    return code == 0           ? thrd_success
           : code == EBUSY     ? thrd_busy
           : code == ETIMEDOUT ? thrd_timedout
           : code == ENOMEM    ? thrd_nomem
                               : thrd_error;
}

pthread_mutex_t* posix(mtx_t* mutex) {
    return reinterpret_cast<pthread_mutex_t*>(mutex);
}

pthread_cond_t* posix(cnd_t* condition) {
    return reinterpret_cast<pthread_cond_t*>(condition);
}

}  // namespace

extern "C" {

int thrd_create(thrd_t* thread, thrd_start_t function, void* argument) {
    auto start = std::make_unique<Start>(Start{function, argument});
    const int code = pthread_create(thread, nullptr, begin, start.get());
    if (code == 0) {
        (void)start.release();
    }
    return answer(code);
}

int thrd_join(thrd_t thread, int* result) {
    void* value = nullptr;
    const int code = pthread_join(thread, &value);
    if (code == 0 && result != nullptr) {
        *result = static_cast<int>(reinterpret_cast<std::intptr_t>(value));
    }
    return answer(code);
}

int mtx_init(mtx_t* mutex, int type) noexcept {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    const bool recursive = (type & mtx_recursive) != 0;
    pthread_mutexattr_settype(
        &attributes, recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL
    );
    const int code = pthread_mutex_init(posix(mutex), &attributes);
    pthread_mutexattr_destroy(&attributes);
    return answer(code);
}

int mtx_lock(mtx_t* mutex) {
    return answer(pthread_mutex_lock(posix(mutex)));
}

int mtx_unlock(mtx_t* mutex) noexcept {
    return answer(pthread_mutex_unlock(posix(mutex)));
}

void mtx_destroy(mtx_t* mutex) noexcept {
    pthread_mutex_destroy(posix(mutex));
}

int cnd_init(cnd_t* condition) noexcept {
    return answer(pthread_cond_init(posix(condition), nullptr));
}

int cnd_signal(cnd_t* condition) noexcept {
    return answer(pthread_cond_signal(posix(condition)));
}

int cnd_broadcast(cnd_t* condition) noexcept {
    return answer(pthread_cond_broadcast(posix(condition)));
}

int cnd_wait(cnd_t* condition, mtx_t* mutex) {
    return answer(pthread_cond_wait(posix(condition), posix(mutex)));
}

int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
    return answer(pthread_cond_timedwait(posix(condition), posix(mutex), until));
}

void cnd_destroy(cnd_t* condition) noexcept {
    pthread_cond_destroy(posix(condition));
}

}  // extern "C"
