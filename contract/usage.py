"""Usage units: disjoint counts, so that their sum is meaningful and none is paid twice.

Token units are named [cache_read_|cache_write_][5m_|1h_][audio_|image_|video_|text_]input and [reasoning_][audio_|…]output.
"""

INPUT = "input"
OUTPUT = "output"
CACHE_READ_INPUT = "cache_read_input"
CACHE_WRITE_INPUT = "cache_write_input"
CACHE_WRITE_5M_INPUT = "cache_write_5m_input"
CACHE_WRITE_1H_INPUT = "cache_write_1h_input"
REASONING_OUTPUT = "reasoning_output"
AUDIO_INPUT = "audio_input"
AUDIO_OUTPUT = "audio_output"
CACHE_READ_AUDIO_INPUT = "cache_read_audio_input"
IMAGE_INPUT = "image_input"
IMAGE_OUTPUT = "image_output"
VIDEO_INPUT = "video_input"
VIDEO_OUTPUT = "video_output"
WEB_SEARCHES = "web_searches"
REQUESTS = "requests"
