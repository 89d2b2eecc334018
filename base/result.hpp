// Errors are values: Result<T, E> holds a T or an enum (or small struct) E that says what went wrong.
// Any thread; owns what it holds. `fail(e)` makes the error side.
#pragma once

#include <utility>
#include <variant>

namespace roomgate {

template <class E>
struct Failure {
  E error;
};

template <class E>
[[nodiscard]] constexpr Failure<E> fail(E error) {
  return {std::move(error)};
}

template <class T, class E>
class [[nodiscard]] Result {
 public:
  constexpr Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  constexpr Result(Failure<E> failure) : held_(std::in_place_index<1>, std::move(failure.error)) {}

  constexpr explicit operator bool() const { return held_.index() == 0; }
  constexpr bool ok() const { return held_.index() == 0; }

  // Precondition: ok(). A wrong call is our bug, so std::get's exception is the assertion.
  constexpr T& value() & { return std::get<0>(held_); }
  constexpr const T& value() const& { return std::get<0>(held_); }
  constexpr T&& value() && { return std::get<0>(std::move(held_)); }
  constexpr T& operator*() & { return value(); }
  constexpr const T& operator*() const& { return value(); }
  constexpr T&& operator*() && { return std::move(*this).value(); }
  constexpr T* operator->() { return &value(); }
  constexpr const T* operator->() const { return &value(); }

  // Precondition: !ok().
  constexpr const E& error() const { return std::get<1>(held_); }

 private:
  std::variant<T, E> held_;
};

template <class E>
class [[nodiscard]] Result<void, E> {
 public:
  constexpr Result() : held_(std::in_place_index<0>) {}
  constexpr Result(Failure<E> failure) : held_(std::in_place_index<1>, std::move(failure.error)) {}
  constexpr explicit operator bool() const { return held_.index() == 0; }
  constexpr bool ok() const { return held_.index() == 0; }
  constexpr const E& error() const { return std::get<1>(held_); }

 private:
  std::variant<std::monostate, E> held_;
};

}  // namespace roomgate
