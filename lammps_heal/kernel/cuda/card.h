// One CUDA device, its memory, and the stages compiled for it. The driver and NVRTC, the run-time compiler,
// are opened where a card is asked for: nothing links to CUDA.

#ifndef HEAL_CARD_H
#define HEAL_CARD_H

#include "cuda_task.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace lammps_heal
{

struct CudaDriver;

// All throw std::runtime_error with one line that says what failed and what to do. Any thread may call.
class Card
{
 public:
  // number: of the device; where there are fewer, they are dealt out.
  explicit Card(int number);
  ~Card();
  Card(const Card &) = delete;
  Card &operator=(const Card &) = delete;

  int number() const
  {
    return own_number;
  }
  // Starts a stage; what is called next waits for it.
  void start(const char *stage, const CudaTask &task, int64_t n_threads) const;
  uint64_t allocate(size_t n_bytes) const;
  void free(uint64_t address) const noexcept;
  void fill(uint64_t address, int byte, size_t n_bytes) const;
  void copy_to_card(uint64_t to, const void *from, size_t n_bytes) const;
  void copy_from_card(void *to, uint64_t from, size_t n_bytes) const;
  // Of the host, which copies from and to the card without a detour; null where there is none.
  void *allocate_on_host(size_t n_bytes) const noexcept;
  void free_on_host(void *memory) const noexcept;

 private:
  class Use;    // of its context, by this thread
  const CudaDriver &driver;
  int own_number = 0, device = 0;
  void *context = nullptr, *module = nullptr;
  std::map<std::string, void *> stages;

  void require(int status, const std::string &what) const;
};

// Memory of a card that is kept, as Buffer (../buffer.h).
template <typename Number> class CardBuffer
{
 public:
  explicit CardBuffer(std::shared_ptr<const Card> card) : card(std::move(card)) {}
  ~CardBuffer()
  {
    card->free(address);
  }
  CardBuffer(const CardBuffer &) = delete;
  CardBuffer &operator=(const CardBuffer &) = delete;

  // For n numbers; what they were is lost where there was less. A little more, since crystals that heal have
  // now more edges, now less.
  Number *ensure_capacity(size_t n)
  {
    if (n > capacity || !address) {
      card->free(address);
      address = 0;
      capacity = 0;
      const size_t with_room = n + n / 16 + 1;
      address = card->allocate(with_room * sizeof(Number));
      capacity = with_room;
    }
    return get();
  }
  Number *zeros(size_t n)
  {
    ensure_capacity(n);
    card->fill(address, 0, n * sizeof(Number));
    return get();
  }
  Number *copy(const Number *from, size_t n)
  {
    ensure_capacity(n);
    card->copy_to_card(address, from, n * sizeof(Number));
    return get();
  }
  void copy_to_host(Number *to, size_t n) const
  {
    card->copy_from_card(to, address, n * sizeof(Number));
  }
  // The card's own: no pointer for this processor.
  Number *get() const
  {
    return reinterpret_cast<Number *>(address);
  }
  size_t n_bytes() const
  {
    return capacity * sizeof(Number);
  }

 private:
  std::shared_ptr<const Card> card;
  uint64_t address = 0;
  size_t capacity = 0;
};

}    // namespace lammps_heal

#endif
