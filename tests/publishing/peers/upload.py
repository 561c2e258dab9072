"""Google's own client against a server: upload.py '{"root": …, "token": …, "file": …, "body": …}'.

It uploads in chunks as its documentation shows, goes on after whatever a chunk met, then reads the channel,
its uploads and the video's numbers, and prints all of it as JSON.
"""

import json
import socket
import sys

import httplib2
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import get_static_doc
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaFileUpload

CHUNK_BYTES = 256 * 1024
MAX_TRIES = 20

# A chunk whose line was dropped is sent again by httplib2 without its bytes: that must end soon.
socket.setdefaulttimeout(8)
asked = json.loads(sys.argv[1])
document = json.loads(get_static_doc("youtube", "v3"))
document["rootUrl"] = document["baseUrl"] = asked["root"] + "/"
youtube = build_from_document(document, credentials=Credentials(asked["token"]))
media = MediaFileUpload(asked["file"], mimetype="video/mp4", chunksize=CHUNK_BYTES, resumable=True)
request = youtube.videos().insert(part=",".join(asked["body"]), body=asked["body"], media_body=media)
video, met, progress = None, [], []
while video is None:
    try:
        status, video = request.next_chunk()
        progress.append(status.resumable_progress if status else media.size())
    except (HttpError, httplib2.HttpLib2Error, OSError) as error:
        met.append(f"{type(error).__name__} {getattr(error, 'status_code', '')}".strip())
        if len(met) > MAX_TRIES:
            raise
channel = youtube.channels().list(part="id,snippet,contentDetails", mine=True).execute()
uploads = channel["items"][0]["contentDetails"]["relatedPlaylists"]["uploads"]
items, page = [], youtube.playlistItems().list(part="snippet", playlistId=uploads, maxResults=5)
while page is not None:
    listed = page.execute()
    items += listed["items"]
    page = youtube.playlistItems().list_next(page, listed)
numbers = youtube.videos().list(part="statistics", id=video["id"]).execute()
told = {
    "video": video,
    "met": met,
    "progress": progress,
    "channel": channel,
    "items": items,
    "numbers": numbers,
}
print(json.dumps(told))
