// Beast's non-template function bodies, once for the whole build (BOOST_BEAST_SEPARATE_COMPILATION).
#include <boost/beast/src.hpp>
