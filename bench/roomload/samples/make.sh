#!/bin/sh
# Makes the recordings beside this file with Debian 12's ffmpeg (5.1). Not part of the build: what it makes is in
# git, since encoders of other versions make other bytes.
#
# The picture repeats itself every 32 frames, and each video has 64: a key frame, one round, and the same round
# once more. Played on from frame 32, a stream goes on for ever without another key frame, as Chromium's do, and
# a decoder sees nothing of the join: all are coded so that no frame's entropy coding depends on another's.
set -eu
cd "$(dirname "$0")"

picture="testsrc2=size=1280x720:rate=30,trim=end_frame=1,loop=loop=63:size=1,scroll=horizontal=0.03125[far];
smptehdbars=size=400x400:rate=30,trim=end_frame=1,loop=loop=63:size=1,format=yuva420p,rotate=2*PI*n/32:c=none[near];
[far][near]overlay=x=440+200*sin(2*PI*n/32):y=160+100*cos(2*PI*n/32),format=yuv420p"

video() {  # name height codec-options...
  name=$1 height=$2
  shift 2
  ffmpeg -hide_banner -loglevel error -y -filter_complex "$picture,scale=-2:$height" -frames:v 64 -an "$@" \
    -fflags +bitexact -flags:v +bitexact "$name"
}

vp8() {  # height bit/s; three temporal layers: 0 2 1 2
  video "vp8_$1.ivf" "$1" -c:v libvpx -deadline realtime -cpu-used 4 -lag-in-frames 0 -auto-alt-ref 0 -g 9999 \
    -b:v "$2" -minrate "$2" -maxrate "$2" -bufsize "$2" -error-resilient default+partitions -threads 1 \
    -ts-parameters "ts_number_layers=3:ts_target_bitrate=$(($2 * 4 / 10000)),$(($2 * 6 / 10000)),$(($2 / 1000)):ts_rate_decimator=4,2,1:ts_periodicity=4:ts_layer_id=0,2,1,2:ts_layering_mode=3"
}
vp8 180 150000
vp8 360 500000
vp8 720 2000000

h264() {  # height bit/s; Constrained Baseline as Chromium sends it, one slice a frame
  video "h264_$1.h264" "$1" -c:v libx264 -profile:v baseline -preset veryfast -tune zerolatency -g 9999 -keyint_min 9999 \
    -sc_threshold 0 -b:v "$2" -maxrate "$2" -bufsize "$2" -x264-params "sliced-threads=0:threads=1:aud=0:sei=0" \
    -bsf:v filter_units=remove_types=6 -f h264
}
h264 180 150000
h264 360 400000
h264 720 1000000

video vp9_720.ivf 720 -c:v libvpx-vp9 -deadline realtime -cpu-used 7 -lag-in-frames 0 -auto-alt-ref 0 -g 9999 -error-resilient default \
  -b:v 800000 -minrate 800000 -maxrate 800000 -bufsize 800000 -threads 1
video av1_720.ivf 720 -c:v libaom-av1 -usage realtime -cpu-used 8 -lag-in-frames 0 -auto-alt-ref 0 -g 9999 -b:v 800000 \
  -minrate 800000 -maxrate 800000 -bufsize 800000 -threads 1 -aom-params error-resilient=1

# Sixty packets of 20 ms, each of exactly 80 bytes.
ffmpeg -hide_banner -loglevel error -y -f lavfi \
  -i "aevalsrc=0.3*sin(2*PI*180*t)*(1+sin(2*PI*3*t))/2+0.1*sin(2*PI*720*t)*(1+sin(2*PI*5*t))/2:s=48000:d=1.2" \
  -ac 2 -c:a libopus -b:a 32k -vbr off -frame_duration 20 -application voip -fflags +bitexact -map 0:a -map_metadata -1 -f data opus_80.bin
