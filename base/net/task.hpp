// A coroutine that runs when it is awaited and gives one value: the gate's only kind. Callee and awaiter are
// resumed by plain calls, and one that ends without waiting never suspends its awaiter: a loop that finds its
// data at once costs no stack and no queue. Owned by the awaiting frame; a detached one (Core::spawn) by its
// core. One thread.
// GCC 12 miscompiles some of them: a co_await is a statement of its own (`x = co_await f(y)`, `if (!co_await
// f(y))`), never an operand of ?:, && or ||, nor an argument of another call, and no aggregate `{.a = ...}`
// is made inside of its expression.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

namespace roomgate::net {

// Frames come from per-thread lists of a few sizes, since every request makes the same ones.
void* take_frame(std::size_t size);
void give_back_frame(void* frame, std::size_t size) noexcept;

namespace detail {

class PromiseBase {
 public:
  static void* operator new(std::size_t size) { return take_frame(size); }
  static void operator delete(void* frame, std::size_t size) { give_back_frame(frame, size); }

  std::suspend_always initial_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { error_ = std::current_exception(); }

  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> ended) noexcept {
      PromiseBase& promise = ended.promise();
      // While the awaiter is still starting us it looks by itself whether we have ended.
      if (!promise.starting_ && promise.awaiter_) promise.awaiter_.resume();
    }
    void await_resume() noexcept {}
  };
  FinalAwaiter final_suspend() noexcept { return {}; }

 protected:
  template <class T>
  friend class TaskAwaiter;
  std::coroutine_handle<> awaiter_;
  std::exception_ptr error_;
  bool starting_ = false;
};

template <class T>
class Promise final : public PromiseBase {
 public:
  std::coroutine_handle<Promise> get_return_object() noexcept {
    return std::coroutine_handle<Promise>::from_promise(*this);
  }
  template <class U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    if (error_) std::rethrow_exception(error_);
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class Promise<void> final : public PromiseBase {
 public:
  std::coroutine_handle<Promise> get_return_object() noexcept {
    return std::coroutine_handle<Promise>::from_promise(*this);
  }
  void return_void() noexcept {}
  void take() {
    if (error_) std::rethrow_exception(error_);
  }
};

template <class T>
class TaskAwaiter {
 public:
  explicit TaskAwaiter(std::coroutine_handle<Promise<T>> callee) : callee_(callee) {}
  bool await_ready() noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> awaiter) {
    PromiseBase& promise = callee_.promise();
    promise.awaiter_ = awaiter;
    promise.starting_ = true;
    callee_.resume();
    promise.starting_ = false;
    return !callee_.done();
  }
  T await_resume() { return callee_.promise().take(); }

 private:
  std::coroutine_handle<Promise<T>> callee_;
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;

  Task(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
  Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (coroutine_) coroutine_.destroy();
  }

  auto operator co_await() && noexcept { return detail::TaskAwaiter<T>(coroutine_); }

 private:
  std::coroutine_handle<promise_type> coroutine_;
};

}  // namespace roomgate::net
