// The part of cWB's wavearray and WSeries that the plug-in uses.
#ifndef STUB_WAVEARRAY_HH
#define STUB_WAVEARRAY_HH
#include <cstddef>
template <class T>
class wavearray {
 public:
  wavearray(std::size_t n, double rate) : data(new T[n]), Size(n), Rate(rate) {}
  virtual ~wavearray() { delete[] data; }
  virtual double rate() const { return Rate; }
  virtual std::size_t size() const { return Size; }
  T* data;
  std::size_t Size;
  double Rate;
};
template <class T>
class WSeries : public wavearray<T> {
 public:
  WSeries(std::size_t n, double rate) : wavearray<T>(n, rate) {}
};
#endif
